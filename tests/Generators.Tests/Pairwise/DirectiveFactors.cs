namespace ModelCompiler.Generators.Tests.Pairwise;

/// <summary>A directive and the values that it is combined with; the first stands for leaving it out.</summary>
/// <param name="Name">Of the directive.</param>
/// <param name="Section">Where it is declared: architecture, efficiency, training or export.</param>
/// <param name="Values">Lines of YAML in that section; empty for none.</param>
internal sealed record DirectiveFactor(string Name, string Section, params string[] Values);

/// <summary>
/// All directives, each with values that ask the compiler for different code; keys that go with each other share one. Left out is what asks for
/// methods in C# (<c>metric: method</c>, <c>by: method</c>), numbers instead of tokens, and products of CUDA (fp8, tf32).
/// </summary>
internal static class DirectiveFactors
{
    public static readonly DirectiveFactor[] All =
    [
        new("family", "architecture",
            "family: decoder\nvocabulary: 256\nheads: 4",
            "family: decoder\nvocabulary: 256\nheads: 4\nkv-heads: 2\nposition: rope\nnorm: rms\nmlp: swiglu\nbias: false\ntie-embeddings: true",
            "family: transformer-xl\nvocabulary: 256\nheads: 4\nmemory: 16",
            "family: encoder\nvocabulary: 260\nheads: 4",
            "family: decoder\nvocabulary: 256\nheads: 4\nposition: rope\nrope-scaling: { kind: yarn, factor: 4 }\nparallel: true\nattention-softcap: 20",
            "family: decoder\nvocabulary: 256\nheads: 4\nqk-norm: true\nlogit-softcap: 30",
            "family: decoder\nvocabulary: 256\nheads: 4\nposition: rope\nnorm: rms\nlatent-attention: { kv-rank: 16 }",
            "family: albert\nvocabulary: 260\nheads: 4\nembedding-width: 16"),
        new("dropout", "architecture", "", "dropout: 0.1"),
        new("share", "architecture", "", "share: { groups: 2 }"),
        new("experts", "architecture", "", "experts: { count: 4 }"),
        new("window", "architecture", "", "window: 8"),
        new("precision", "efficiency", "", "precision: bf16", "precision: fp16", "precision: { compute: bf16, fp32: [blocks.0] }"),
        new("checkpoint", "efficiency", "", "checkpoint: all", "checkpoint: sqrt", "checkpoint: { save: [attention] }",
            "checkpoint: { boundaries: [blocks.2] }", "checkpoint: { every: 2 }", "checkpoint: { budget: 512KiB }"),
        new("adapt", "efficiency", "", "adapt: { rank: 4, targets: [blocks] }"),
        new("token-drop", "efficiency", "", "token-drop: { from: 8, steps: 2, multiple: 8, keep-layers: 1 }"),
        new("pruning", "efficiency", "",
            "pruning: { method: magnitude, sparsity: 0.5, schedule: cubic, begin: 1, end: 3, every: 1 }",
            "pruning: { method: wanda, pattern: 2:4, begin: 1, calibration: 2 }",
            "pruning: { method: movement, sparsity: 0.3, begin: 1 }",
            "pruning: { method: movement, sparsity: 0.3, scope: global, schedule: iterative, rounds: 1, rewind: 1 }",
            "pruning: { method: sparsegpt, pattern: 4:8, begin: 1, calibration: 2 }",
            "pruning: { to: { heads: 2, layers: 2 }, importance: activation, begin: 1, calibration: 2 }",
            "pruning: { to: { hidden: 64 }, importance: taylor, schedule: cubic, begin: 1, end: 3, every: 1 }"),
        new("quantization", "efficiency", "",
            "quantization: int8", "quantization: { weights: int8, kv-cache: int8 }", "quantization: { weights: int4, group: 16, method: gptq }", "quantization: { weights: int4, group: 16, method: qat, from: 0 }",
            "quantization: { weights: int4, group: 16, symmetric: false, method: awq, prefill: int8, embeddings: int4 }",
            "quantization: { weights: int2, group: 16, method: hqq, keep: [auto] }",
            "quantization: { weights: int8, method: smooth-quant, activations: static }"),
        new("speculate", "efficiency", "", "speculate: Teacher"),
        new("optimizer", "training",
            "optimizer: { warmup: 1 }", "optimizer: { kind: sgd, momentum: 0.9, warmup: 1, decay: linear }", "optimizer: { kind: lion, warmup: 1, decay: constant }",
            "optimizer: { kind: muon, warmup: 1, decay: wsd }", "optimizer: { kind: adamw-8bit, warmup: 1, weight-decay-on: all }"),
        new("accumulate", "training", "", "accumulate: 2"),
        new("ema", "training", "", "ema: { decay: 0.9 }"),
        new("subset", "training",
            "", "subset: { method: random, samples: 64 }", "subset: { method: infobatch, samples: 64 }", "subset: { method: selective-backprop, keep: 0.5, precision: bf16 }", "subset: { method: el2n, samples: 64, precision: bf16 }",
            "subset: { method: rho-loss, keep: 0.5, holdout: Teacher }"),
        new("curriculum", "training",
            "", "curriculum: { metric: length, from: 8, to: 16, steps: 2, multiple: 8 }", "curriculum: { metric: compression, pacing: step, steps: 2 }",
            "curriculum: { metric: rarity, pacing: root, steps: 2 }", "curriculum: { metric: loss, model: Teacher, pacing: exponential, steps: 2 }"),
        new("distillation", "training", "", "distillation: { teacher: Teacher }",
            "distillation: { teacher: Teacher, hidden: 1, relations: minilm, divergence: reverse-kl, balance: normalized }",
            "distillation: { teacher: Teacher, cache: 8, initialize: [0, 1, 0, 1] }",
            "distillation: { teacher: Teacher, divergence: jensen-shannon, weight: 1, on-policy: { share: 0.5, prompt: 4 } }"),
        new("meta", "training", "", "meta: { method: reptile, inner-steps: 2, tasks: 2 }\ndata: { source: tasks }", "meta: { method: maml, tasks: 2 }\ndata: { source: tasks }",
            "meta: { method: fomaml, learn-rates: true, tasks: 2 }\ndata: { source: tasks }", "meta: { method: anil, tasks: 2 }\ndata: { source: tasks }"),
        new("loop", "training", "", "early-stop: { patience: 5 }\non-nan: rewind"),
        new("export", "export", "", "opset-only: true"),
    ];
}
