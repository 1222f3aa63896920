using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace ModelCompiler.Benchmarks.Generator;

/// <summary>A declaration as the generator is given it.</summary>
internal sealed class SpecFile(string path, string text) : AdditionalText
{
    /// <summary>The teacher and draft of <see cref="OfAllDirectives"/>.</summary>
    public static SpecFile Teacher { get; } = new(
        "teacher.model.yaml",
        """
        model: BenchmarkTeacher
        architecture:
          family: decoder
          vocabulary: 50304
          context: 1024
          layers: 24
          width: 1024
          heads: 16
          position: rope
          norm: rms
          mlp: swiglu
          bias: false
        training:
          data: { tokenizer: bpe }
        """);

    public override string Path => path;

    public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);

    /// <summary>A model that uses most of the language, with the given number of layers.</summary>
    public static SpecFile OfLayers(int layers, int seed = 1) => new(
        "benchmark.model.yaml",
        $$"""
        model: BenchmarkLm
        architecture:
          family: decoder
          vocabulary: 50304
          context: 1024
          layers: {{layers}}
          width: 1024
          heads: 16
          kv-heads: 4
          position: rope
          norm: rms
          qk-norm: true
          mlp: { kind: swiglu, hidden: 2816 }
          bias: false
          dropout: 0.1
        efficiency:
          precision: { compute: bf16, master: fp32 }
          checkpoint: { every: 2 }
        training:
          batch: 8
          seed: {{seed}}
          data: { tokenizer: bpe }
        """);

    /// <summary>A model with as many directives as may be combined; a step is compiled for each of four sequence lengths.</summary>
    public static SpecFile OfAllDirectives(int seed = 1) => new(
        "all.model.yaml",
        $$"""
        model: BenchmarkAll
        architecture:
          family: decoder
          vocabulary: 50304
          context: 1024
          layers: 24
          width: 1024
          heads: 16
          kv-heads: 4
          position: rope
          norm: rms
          qk-norm: true
          bias: false
          dropout: 0.1
          window: 512
          mlp: { kind: swiglu, hidden: 2816 }
          experts: { count: 8, top-k: 2, capacity: 1.5 }
        efficiency:
          precision: { compute: bf16, fp32: [blocks.0, head] }
          checkpoint: { budget: 64GiB }
          pruning: { method: magnitude, pattern: 2:4, schedule: cubic }
          quantization: { weights: int4, group: 32, method: qat, keep: [head, blocks.0] }
          speculate: { draft: BenchmarkTeacher }
        training:
          batch: 8
          seed: {{seed}}
          accumulate: 4
          optimizer: { kind: muon, warmup: 100, decay: wsd }
          ema: { decay: 0.999 }
          subset: { method: infobatch }
          curriculum: { metric: length, from: 256, to: 1024, steps: 400, multiple: 256 }
          distillation: { teacher: BenchmarkTeacher }
          early-stop: { patience: 5 }
          on-nan: rewind
          data: { tokenizer: bpe }
        """);
}
