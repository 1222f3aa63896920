namespace ModelCompiler.Generators.Tests.Support;

/// <summary>The models of <see cref="SampleModels"/>, in attributes.</summary>
internal static class AttributedModels
{
    private const string Header =
        """
        using ModelCompiler;
        using ModelCompiler.ModelDsl;

        namespace Demo;

        """;

    public const string Gpt2Like = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 4, Dropout = 0.1)]
        [Training(Batch = 4)]
        [Optimizer(Kind = OptimizerKind.Adamw, LearningRate = 3e-4, Warmup = 100, Decay = DecayKind.Cosine)]
        partial class TinyGpt;

        """;

    public const string Recurrent = Header +
        """
        [Model]
        [TransformerXl(Vocabulary = 256, Context = 32, Memory = 40, EvaluationMemory = 72, Layers = 2, Width = 48, Heads = 4)]
        [Training(Batch = 3)]
        partial class TinyXl;

        """;

    public const string Latent = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 4, Position = PositionKind.Rope, Norm = NormKind.Rms)]
        [LatentAttention(KvRank = 20, QRank = 28, RopeWidth = 4)]
        [Training(Batch = 3)]
        partial class TinyLatent;

        """;

    public const string LlamaLike = Header +
        """
        [Model]
        [Decoder(
            Vocabulary = 512, Context = 128, Layers = 4, Width = 96, Heads = 6, KvHeads = 2,
            Position = PositionKind.Rope, RopeTheta = 500_000, Norm = NormKind.Rms, QkNorm = true,
            Bias = false, TieEmbeddings = true)]
        [Mlp(Kind = MlpKind.Swiglu, Hidden = 256)]
        [Training(Batch = 8)]
        [Data(Tokenizer = TokenizerKind.Bpe)]
        partial class TinyLlama;

        """;

    public const string QwenLike = Header +
        """
        [Model]
        [Decoder(
            Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 3, KvHeads = 1, HeadSize = 20,
            Position = PositionKind.Rope, Norm = NormKind.Rms, NormEpsilon = 1e-6,
            Bias = false, AttentionBias = false, QkvBias = true)]
        [Mlp(Kind = MlpKind.GeluTanh)]
        partial class TinyQwen;

        """;

    public const string GemmaLike = Header +
        """
        [Model]
        [Decoder(
            Vocabulary = 256, Context = 32, Layers = 5, Width = 48, Heads = 4,
            Window = 8, GlobalEvery = 2, AttentionSoftcap = 50, LogitSoftcap = 30, Parallel = true, ScaleEmbeddings = true, HeadBias = true,
            Position = PositionKind.Rope)]
        [Experts(Count = 4, TopK = 1, Capacity = 1.25, Balance = 0.02)]
        [RopeScaling(Kind = RopeScalingKind.Yarn, Factor = 4, OriginalContext = 8, BetaFast = 16, BetaSlow = 2, AttentionFactor = 1.1)]
        partial class TinyGemma;

        """;

    public const string CustomBlocks = Header +
        """"
        [Model]
        [Architecture(Vocabulary = 256, Context = 32, Width = 48)]
        [Blocks("""
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
            """)]
        partial class Gated;

        """";

    public const string Bf16WithCheckpoint = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 6, Width = 48, Heads = 4)]
        [Mlp(Kind = MlpKind.ReluSquared)]
        [Precision(Compute = Precision.Bf16, Master = Precision.Fp32)]
        [Checkpoint(Boundaries = new[] { "blocks.2", "blocks.4" })]
        [Training(Batch = 4, Seed = 7)]
        partial class TinyLm;

        """;

    public const string Pruned = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 4, Width = 48, Heads = 4)]
        [Pruning(
            Method = PruningMethod.Wanda, Pattern = "2:4", Schedule = PruningSchedule.Cubic, Begin = 40, End = 120, Every = 20, Calibration = 64,
            Targets = new[] { "blocks.*.mlp", "blocks.2.attention.q" }, From = "dense/best.safetensors")]
        [Training(Batch = 4)]
        [Ema(Decay = 0.99)]
        partial class TinyPruned;

        """;

    public const string PrunedParts = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 4, Width = 48, Heads = 6, KvHeads = 3, Norm = NormKind.Rms, Position = PositionKind.Rope)]
        [Pruning(Importance = Importance.Activation, Begin = 40)]
        [PrunedSizes(Heads = 4, Hidden = 120, Layers = 3, Width = 40)]
        [Training(Batch = 4)]
        partial class TinyParts;

        """;

    public const string Guarded = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 4)]
        [Training(OnNan = NanPolicy.Rewind)]
        [Checkpoints(Keep = 5, Every = 20)]
        [Data(Tokenizer = TokenizerKind.Json, TokenizerFile = "out/tokenizer.json")]
        partial class Guarded;

        """;

    public const string Scaled = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 4)]
        [Precision(Compute = Precision.Fp16, Fp32 = new[] { "head", "blocks.*.mlp.down" })]
        [LossScale(Initial = 1024, Interval = 100)]
        [Training(Accumulate = 2)]
        partial class Scaled;

        """;

    public const string Muon = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 4, KvHeads = 2, TieEmbeddings = true)]
        [Training(Batch = 4)]
        [Optimizer(Kind = OptimizerKind.Muon, LearningRate = 1e-3, AdamwRate = 0.5, WeightDecayOn = DecayTargets.All)]
        partial class TinyMuon;

        """;

    public const string TokenDrop = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 6, Width = 48, Heads = 4, Position = PositionKind.Rope)]
        [Share(Groups = 2)]
        [Training(Accumulate = 2)]
        [Optimizer(Kind = OptimizerKind.Muon)]
        [TokenDrop(From = 8, Steps = 100, Multiple = 8, KeepLayers = 2)]
        partial class TinyDrop;

        """;

    public const string ChosenData = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 4)]
        [Training(Batch = 4)]
        [Curriculum(Metric = DifficultyMetric.Length, Pacing = PacingKind.Root, From = 8, To = 24, Steps = 200, Multiple = 8)]
        [Subset(Method = SubsetMethod.SelectiveBackprop, Samples = 1000, Keep = 0.4, Beta = 0.8, Precision = Precision.Bf16)]
        partial class TinyLm;

        """;

    public const string Meta = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 4, KvHeads = 2, Position = PositionKind.Rope, Norm = NormKind.Rms, Bias = false)]
        [Mlp(Kind = MlpKind.Swiglu)]
        [Training(Batch = 4)]
        [Meta(Method = MetaMethod.Maml, InnerSteps = 2, InnerRate = 0.05, LearnRates = true, Tasks = 3, Support = 4, Query = 2, By = TaskKind.Namespace)]
        partial class TinyLm;

        """;

    public const string Adapted = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 4)]
        [Adapt(Rank = 4, Alpha = 8, Targets = new[] { "blocks.*.attention.q", "blocks.*.attention.v" }, Dropout = 0.1, From = "base/best.safetensors")]
        partial class Adapted;

        """;

    public const string Quantized = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 4)]
        [Quantization(Weights = WeightType.Int4, Group = 16, Symmetric = false, Method = RoundingMethod.Qat, From = 0.25,
            Prefill = PrefillType.Int8, Embeddings = EmbeddingType.Int8, Int8 = new[] { "head" }, Keep = new[] { "blocks.0.mlp" })]
        partial class Quantized;

        """;

    public const string Sized = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Heads = 4)]
        [Size(Parameters = "400K")]
        [Checkpoint(Every = 2)]
        partial class Sized;

        """;

    public const string Averaged = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 4)]
        [Training(Accumulate = 2, ValidateEvery = 20)]
        [Ema(Decay = 0.99, Warmup = false)]
        [EarlyStop(Patience = 5, MinDelta = 0.01)]
        [Export(OpsetOnly = true)]
        [Limits(Parameters = "20M", FlopsPerToken = "2G", Memory = "1GiB", KvCachePerToken = "4KiB")]
        [Optimizer(
            Kind = OptimizerKind.Sgd, Momentum = 0.8, Nesterov = true,
            Decay = DecayKind.Wsd, DecayShare = 0.3, CoolDown = CoolDownKind.Linear)]
        partial class Averaged;

        """;

    public const string Albert = Header +
        """
        [Model]
        [Albert(Vocabulary = 260, Context = 32, Layers = 4, Width = 48, Heads = 4, EmbeddingWidth = 16, NormPlacement = NormPlacement.Pre)]
        [Share(Groups = 2)]
        [Training(Batch = 4)]
        [Objective(Kind = ObjectiveKind.MaskedWithOrder, Mask = 0.2)]
        partial class TinyAlbert;

        """;

    public const string Classifier = Header +
        """
        [Model]
        [Encoder(Vocabulary = 400, Context = 32, Layers = 2, Width = 48, Heads = 4, TokenTypes = 2, Classes = 3, Pooling = PoolingKind.Mean)]
        [SpecialTokens(Pad = 300, Cls = 301, Sep = 302, Mask = 303)]
        [Training(Batch = 4)]
        [Objective(Kind = ObjectiveKind.Classification)]
        [Data(Source = "texts.jsonl", Label = "topic", Tokenizer = TokenizerKind.Bpe)]
        partial class TinyClassifier;

        """;

    public const string Student = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 48, Heads = 4)]
        [Mlp(Kind = MlpKind.Gelu, Hidden = 64)]
        [Training(Batch = 3)]
        [Distillation(Teacher = "BigLm", Divergence = DivergenceKind.JensenShannon, Beta = 0.7, Temperature = 1.5, Weight = 0.4)]
        [Initialize(Layers = [1, 3])]
        partial class Student;

        """;

    public const string StudentOfLayers = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 32, Heads = 4)]
        [Training(Batch = 3)]
        [Distillation(Teacher = "BigLm", Weight = 1, Layers = [1, 3], Balance = BalanceKind.Normalized)]
        [HiddenLoss(Weight = 0.5)]
        [RelationLoss(Kind = RelationKind.MinilmV2, Heads = 8, Weight = 2)]
        [OnPolicy(Share = 0.25, Every = 4, Prompt = 16, Temperature = 0.9)]
        partial class Student;

        """;

    public const string StudentOfCache = Header +
        """
        [Model]
        [Decoder(Vocabulary = 256, Context = 32, Layers = 2, Width = 32, Heads = 4)]
        [Training(Batch = 3)]
        [Distillation(Teacher = "BigLm")]
        [TeacherCache(TopK = 32)]
        partial class Student;

        """;
}
