namespace ModelCompiler.Generators.Tests.Support;

/// <summary>Models of the tests, in YAML. Their sizes differ, so that a shape in a comment can be read one way only.</summary>
internal static class SampleModels
{
    public const string Gpt2Like =
        """
        model: TinyGpt
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 48
          heads: 4
          dropout: 0.1
        training:
          batch: 4
          optimizer: { kind: adamw, learning-rate: 3e-4, warmup: 100, decay: cosine }

        """;

    public const string Packed =
        """
        model: TinyPacked
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 64
          heads: 4
        efficiency:
          precision: bf16
          quantization: { weights: int4, group: 64, method: gptq }
        training:
          batch: 4

        """;

    public const string Recurrent =
        """
        model: TinyXl
        architecture:
          family: transformer-xl
          vocabulary: 256
          context: 32
          memory: 40
          evaluation-memory: 72
          layers: 2
          width: 48
          heads: 4
        training:
          batch: 3

        """;

    public const string Latent =
        """
        model: TinyLatent
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 48
          heads: 4
          position: rope
          latent-attention: { kv-rank: 20, q-rank: 28, rope-width: 4 }
          norm: rms
        training:
          batch: 3

        """;

    public const string LlamaLike =
        """
        model: TinyLlama
        architecture:
          family: decoder
          vocabulary: 512
          context: 128
          layers: 4
          width: 96
          heads: 6
          kv-heads: 2
          position: rope
          rope-theta: 500000
          norm: rms
          qk-norm: true
          mlp: { kind: swiglu, hidden: 256 }
          bias: false
          tie-embeddings: true
        training:
          batch: 8
          data: { tokenizer: bpe }

        """;

    public const string QwenLike =
        """
        model: TinyQwen
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 48
          heads: 3
          kv-heads: 1
          head-size: 20
          position: rope
          norm: rms
          norm-epsilon: 1e-6
          bias: false
          attention-bias: false
          qkv-bias: true
          mlp: gelu-tanh

        """;

    public const string GemmaLike =
        """
        model: TinyGemma
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 5
          width: 48
          heads: 4
          window: 8
          global-every: 2
          attention-softcap: 50
          logit-softcap: 30
          parallel: true
          scale-embeddings: true
          head-bias: true
          experts: { count: 4, top-k: 1, capacity: 1.25, balance: 0.02 }
          position: rope
          rope-scaling: { kind: yarn, factor: 4, original-context: 8, beta-fast: 16, beta-slow: 2, attention-factor: 1.1 }

        """;

    public const string CustomBlocks =
        """
        model: Gated
        architecture:
          vocabulary: 256
          context: 32
          width: 48
          blocks:
            - embedding: learned
            - repeat:
                name: blocks
                times: 3
                layers:
                  - residual:
                      - norm: rms
                      - attention: { heads: 4, bias: false }
                  - residual:
                      - norm: rms
                      - multiply:
                          left: [ { linear: { name: gate, out: 128 } }, { activation: silu } ]
                          right: [ { linear: { name: up, out: 128 } } ]
                      - linear: { name: down, out: 48 }
            - norm: layer
            - head: { tie-embeddings: true }

        """;

    public const string Bf16WithCheckpoint =
        """
        model: TinyLm
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 6
          width: 48
          heads: 4
          mlp: relu-squared
        efficiency:
          precision: { compute: bf16, master: fp32 }
          checkpoint: { boundaries: [blocks.2, blocks.4] }
        training:
          batch: 4
          seed: 7

        """;

    /// <summary>Enough rows for MLPs to run over halves of them, and every block computed again.</summary>
    public const string ByHalves =
        """
        model: TinyLm
        architecture:
          family: decoder
          vocabulary: 256
          context: 64
          layers: 4
          width: 48
          heads: 4
        efficiency:
          checkpoint: all
        training:
          batch: 32
          accumulate: 2

        """;

    /// <summary>The first layer in fp32, the others in bf16.</summary>
    public const string LayerInFp32 =
        """
        model: TinyMixed
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 6
          width: 48
          heads: 4
        efficiency:
          precision: { compute: bf16, fp32: [blocks.0] }
        training:
          batch: 4

        """;

    public const string Guarded =
        """
        model: Guarded
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 48
          heads: 4
        training:
          on-nan: rewind
          checkpoints: { keep: 5, every: 20 }
          data: { tokenizer: json, tokenizer-file: out/tokenizer.json }

        """;

    public const string Scaled =
        """
        model: Scaled
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 48
          heads: 4
        efficiency:
          precision: { compute: fp16, fp32: [head, "blocks.*.mlp.down"], loss-scale: { initial: 1024, interval: 100 } }
        training:
          accumulate: 2

        """;

    public const string Student =
        """
        model: Student
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 48
          heads: 4
          mlp: { kind: gelu, hidden: 64 }
        training:
          batch: 3
          distillation:
            teacher: BigLm
            divergence: jensen-shannon
            beta: 0.7
            temperature: 1.5
            weight: 0.4
            initialize: { layers: [1, 3] }

        """;

    public const string StudentOfLayers =
        """
        model: Student
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 32
          heads: 4
        training:
          batch: 3
          distillation:
            teacher: BigLm
            weight: 1
            hidden: { weight: 0.5 }
            relations: { kind: minilm-v2, heads: 8, weight: 2 }
            layers: [1, 3]
            balance: normalized
            on-policy: { share: 0.25, every: 4, prompt: 16, temperature: 0.9 }

        """;

    public const string StudentOfCache =
        """
        model: Student
        architecture: { family: decoder, vocabulary: 256, context: 32, layers: 2, width: 32, heads: 4 }
        training:
          batch: 3
          distillation: { teacher: BigLm, cache: 32 }

        """;

    public const string Teacher =
        """
        model: BigLm
        namespace: Elsewhere
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 4
          width: 48
          heads: 4
          mlp: { kind: gelu, hidden: 64 }
          dropout: 0.1
        efficiency:
          precision: bf16
        training:
          batch: 2

        """;

    public const string Muon =
        """
        model: TinyMuon
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 48
          heads: 4
          kv-heads: 2
          tie-embeddings: true
        training:
          batch: 4
          optimizer: { kind: muon, learning-rate: 1e-3, adamw-rate: 0.5, weight-decay-on: all }

        """;

    public const string TokenDrop =
        """
        model: TinyDrop
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 6
          width: 48
          heads: 4
          position: rope
          share: 2
        efficiency:
          token-drop: { from: 8, steps: 100, multiple: 8, keep-layers: 2 }
        training:
          accumulate: 2
          optimizer: muon

        """;

    public const string Pruned =
        """
        model: TinyPruned
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 4
          width: 48
          heads: 4
        efficiency:
          pruning: { method: wanda, pattern: 2:4, schedule: cubic, begin: 40, end: 120, every: 20, calibration: 64, targets: [blocks.*.mlp, blocks.2.attention.q], from: dense/best.safetensors }
        training:
          batch: 4
          ema: 0.99

        """;

    public const string PrunedParts =
        """
        model: TinyParts
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 4
          width: 48
          heads: 6
          kv-heads: 3
          norm: rms
          position: rope
        efficiency:
          pruning: { to: { heads: 4, hidden: 120, layers: 3, width: 40 }, importance: activation, begin: 40 }
        training:
          batch: 4

        """;

    public const string ChosenData =
        """
        model: TinyLm
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 48
          heads: 4
        training:
          batch: 4
          curriculum: { metric: length, pacing: root, from: 8, to: 24, steps: 200, multiple: 8 }
          subset: { method: selective-backprop, samples: 1000, keep: 0.4, beta: 0.8, precision: bf16 }

        """;

    /// <summary>MAML of second order with learned rates, over a block and a head.</summary>
    public const string Meta =
        """
        model: TinyLm
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 48
          heads: 4
          kv-heads: 2
          position: rope
          norm: rms
          bias: false
          mlp: swiglu
        training:
          batch: 4
          meta: { method: maml, inner-steps: 2, inner-rate: 0.05, learn-rates: true, tasks: 3, support: 4, query: 2, by: namespace }

        """;

    public const string Adapted =
        """
        model: Adapted
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 48
          heads: 4
        efficiency:
          adapt: { rank: 4, alpha: 8, targets: [blocks.*.attention.q, blocks.*.attention.v], dropout: 0.1, from: base/best.safetensors }

        """;

    public const string Quantized =
        """
        model: Quantized
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 48
          heads: 4
        efficiency:
          quantization:
            weights: int4
            group: 16
            symmetric: false
            method: qat
            from: 0.25
            prefill: int8
            embeddings: int8
            int8: [head]
            keep: [blocks.0.mlp]

        """;

    public const string Sized =
        """
        model: Sized
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          heads: 4
          size: 400K
        efficiency:
          checkpoint: { every: 2 }

        """;

    public const string Averaged =
        """
        model: Averaged
        architecture:
          family: decoder
          vocabulary: 256
          context: 32
          layers: 2
          width: 48
          heads: 4
        training:
          accumulate: 2
          ema: { decay: 0.99, warmup: false }
          validate-every: 20
          early-stop: { patience: 5, min-delta: 0.01 }
          optimizer: { kind: sgd, momentum: 0.8, nesterov: true, decay: wsd, decay-share: 0.3, cool-down: linear }
        export: { opset-only: true }
        limits: { parameters: 20M, flops-per-token: 2G, memory: 1GiB, kv-cache-per-token: 4KiB }

        """;

    public const string Albert =
        """
        model: TinyAlbert
        architecture:
          family: albert
          vocabulary: 260
          context: 32
          layers: 4
          width: 48
          heads: 4
          embedding-width: 16
          share: 2
          norm-placement: pre
        training:
          batch: 4
          objective: { kind: masked-with-order, mask: 0.2 }

        """;

    public const string Classifier =
        """
        model: TinyClassifier
        architecture:
          family: encoder
          vocabulary: 400
          context: 32
          layers: 2
          width: 48
          heads: 4
          token-types: 2
          classes: 3
          pooling: mean
          special-tokens: { pad: 300, cls: 301, sep: 302, mask: 303 }
        training:
          batch: 4
          objective: classification
          data: { source: texts.jsonl, label: topic, tokenizer: bpe }

        """;
}
