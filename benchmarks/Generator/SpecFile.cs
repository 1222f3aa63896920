using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace ModelCompiler.Benchmarks.Generator;

/// <summary>A model that uses most of the language, with the given number of layers.</summary>
internal sealed class SpecFile(int layers, int seed = 1) : AdditionalText
{
    public override string Path => "benchmark.model.yaml";

    public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(
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
}
