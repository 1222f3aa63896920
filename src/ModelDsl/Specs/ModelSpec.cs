namespace ModelCompiler.ModelDsl;

/// <summary>A declared model: what the user wrote, with every default filled in. Structurally equal, without positions.</summary>
public sealed record ModelSpec
{
    [Key("model", "Name of the model and of the generated C# class.", Required = true)]
    public string Model { get; init; } = "";

    [Key("namespace", "C# namespace of the generated class; the project's root namespace if not given.")]
    public string? Namespace { get; init; }

    [Key("architecture", "The layers of the model: a family with its options, or blocks in the layer language.", Required = true)]
    public ArchitectureSpec Architecture { get; init; } = new();

    [Key("efficiency", "The techniques that make training and inference cheaper.")]
    public EfficiencySpec Efficiency { get; init; } = new();

    [Key("training", "Batch, steps, optimizer and data.")]
    public TrainingSpec Training { get; init; } = new();
}

/// <summary>The layers. With <see cref="Blocks"/>, only vocabulary, context and width stand beside it.</summary>
public sealed record ArchitectureSpec
{
    [Key("family", "A ready-made architecture.")]
    public Family? Family { get; init; }

    [Key("vocabulary", "Number of different tokens, V.", Required = true, Min = 2, Max = 1_048_576)]
    public int Vocabulary { get; init; }

    [Key("context", "Longest sequence in tokens, the T of training steps.", Required = true, Min = 1, Max = 1_048_576)]
    public int Context { get; init; }

    [Key("width", "Width of the residual stream, C.", Required = true, Min = 1, Max = 65_536)]
    public int Width { get; init; }

    [Key("layers", "Number of Transformer blocks.", Min = 1, Max = 1024)]
    public int? Layers { get; init; }

    [Key("heads", "Number of attention (query) heads, H; divides width.", Min = 1, Max = 1024)]
    public int? Heads { get; init; }

    [Key("kv-heads", "Number of key and value heads (grouped-query attention); divides heads. As many as heads if not given.", Min = 1, Max = 1024)]
    public int? KvHeads { get; init; }

    [Key("position", "How the model knows the order of its tokens. Default: learned.")]
    public PositionKind? Position { get; init; }

    [Key("rope-theta", "Base of the rotary frequencies. Default: 10000.", Min = 1)]
    [OnlyWith("position", PositionKind.Rope)]
    public double? RopeTheta { get; init; }

    [Key("norm", "The normalization before each sublayer and the head. Default: layer.")]
    public NormKind? Norm { get; init; }

    [Key("mlp", "The feed-forward sublayer. Default: gelu, four times the width.")]
    public FamilyMlpSpec? Mlp { get; init; }

    [Key("bias", "Biases on linear layers and layer norms. Default: true.")]
    public bool? Bias { get; init; }

    [Key("qk-norm", "RMS normalization of queries and keys per head (Henry et al. 2020). Default: false.")]
    public bool? QkNorm { get; init; }

    [Key("tie-embeddings", "The output head uses the embedding matrix. Default: false.")]
    public bool? TieEmbeddings { get; init; }

    [Key("dropout", "Share of activations zeroed after the embedding and after each sublayer. Default: 0.", Min = 0, Max = 0.99)]
    public double? Dropout { get; init; }

    [Key("blocks", "The model in the layer language, instead of a family.")]
    public EquatableArray<LayerSpec> Blocks { get; init; }
}

[Shorthand("kind")]
public sealed record FamilyMlpSpec
{
    [Key("kind", "The activation, or swiglu for a gated layer.")]
    public MlpKind Kind { get; init; } = MlpKind.Gelu;

    [Key("hidden", "Width of the hidden layer. Default: 4 × width; for swiglu 8/3 × width, rounded up to a multiple of 32.", Min = 1, Max = 1_048_576)]
    public int? Hidden { get; init; }
}

public sealed record EfficiencySpec
{
    [Key("precision", "Element types of the compute graph and of the master weights.")]
    public PrecisionSpec Precision { get; init; } = new();

    [Key("checkpoint", "Activations that are recomputed in the backward pass instead of kept.")]
    public CheckpointSpec? Checkpoint { get; init; }
}

[Shorthand("compute")]
public sealed record PrecisionSpec
{
    [Key("compute", "Element type of activations and of the weights in matrix products.")]
    public Precision Compute { get; init; } = Precision.Fp32;

    [Key("master", "Element type of the weights that the optimizer updates; only fp32.")]
    public Precision Master { get; init; } = Precision.Fp32;

    [Key("fp32", "Layers that compute in fp32 all the same, by name or pattern; they read the master weights. E.g. [head, blocks.*.attention].")]
    [OnlyWith("compute", Precision.Bf16, Precision.Fp16)]
    public EquatableArray<string> Fp32 { get; init; }

    [Key("fp8", "Linear layers, by name or pattern, whose products have 8-bit operands in training, on GPUs that have it. E.g. [blocks].")]
    [OnlyWith("compute", Precision.Bf16)]
    public EquatableArray<string> Fp8 { get; init; }

    [Key("tf32", "On CUDA, products of fp32 operands that are rounded to 11 bits of precision (TF32).")]
    public bool Tf32 { get; init; }

    [Key("loss-scale", "What the loss is multiplied by before its gradients are taken, so that fp16 holds them; a bare number is fixed.")]
    [OnlyWith("compute", Precision.Fp16)]
    public LossScaleSpec LossScale { get; init; } = new();
}

/// <summary>Dynamic loss scaling (Micikevicius et al. 2018), or a fixed scale.</summary>
[Shorthand("fixed")]
public sealed record LossScaleSpec
{
    [Key("fixed", "A scale that stays as it is; the other keys then have no effect.", Min = 1, Max = 16_777_216)]
    public double? Fixed { get; init; }

    [Key("initial", "The scale of the first step.", Min = 1, Max = 16_777_216)]
    public double Initial { get; init; } = 65_536;

    [Key("growth", "What the scale is multiplied by after interval steps without overflow; 1 keeps it.", Min = 1, Max = 16)]
    public double Growth { get; init; } = 2;

    [Key("interval", "Steps without overflow after which the scale grows.", Min = 1, Max = 1_000_000)]
    public int Interval { get; init; } = 2000;

    [Key("backoff", "What the scale is multiplied by at an overflow; 1 keeps it.", Min = 0.01, Max = 1)]
    public double Backoff { get; init; } = 0.5;
}

/// <summary>Gradient checkpointing (Chen et al. 2016): exactly one of the keys is given.</summary>
[Shorthand("layers")]
public sealed record CheckpointSpec
{
    [Key("layers", "all: every block is a segment; sqrt: segments of about the root of the number of blocks.")]
    public CheckpointLayers? Layers { get; init; }

    [Key("boundaries", "Blocks at which a new segment starts: only the inputs of segments are kept. E.g. [blocks.2, blocks.4].")]
    public EquatableArray<string> Boundaries { get; init; }

    [Key("every", "A new segment starts at each n-th block.", Min = 1, Max = 1024)]
    public int? Every { get; init; }

    [Key("save", "What a block keeps besides its input, by the names of its layers or values; all else is computed again. E.g. [attention].")]
    public EquatableArray<string> Save { get; init; }

    [Key("budget", "Most bytes of activations; the compiler recomputes as little as it can to fit. E.g. 512MiB.")]
    public ByteSize? Budget { get; init; }
}

public sealed record TrainingSpec
{
    [Key("batch", "Sequences in a step, B.", Min = 1, Max = 65_536)]
    public int Batch { get; init; } = 8;

    [Key("steps", "Optimizer steps of a run.", Min = 1, Max = 100_000_000)]
    public int Steps { get; init; } = 1000;

    [Key("accumulate", "Micro-batches whose gradients are averaged before an update: a step sees batch × accumulate sequences.", Min = 1, Max = 65_536)]
    public int Accumulate { get; init; } = 1;

    [Key("seed", "Seed of initialization, data order and dropout.", Min = 0, Max = int.MaxValue)]
    public int Seed { get; init; } = 1;

    [Key("optimizer", "The optimizer and its schedule.")]
    public OptimizerSpec Optimizer { get; init; } = new();

    [Key("ema", "A moving average of the weights, validated and kept beside them.")]
    public EmaSpec? Ema { get; init; }

    [Key("validate-every", "Steps between two validations. Default: a tenth of the run, from 50 to 1000.", Min = 1, Max = 100_000_000)]
    public int? ValidateEvery { get; init; }

    [Key("early-stop", "Ends a run whose validation loss no longer falls.")]
    public EarlyStopSpec? EarlyStop { get; init; }

    [Key("checkpoints", "The files from which a run is resumed.")]
    public CheckpointsSpec Checkpoints { get; init; } = new();

    [Key("on-nan", "What a run does when the loss or the gradients of a step are not finite.")]
    public NanPolicy OnNan { get; init; } = NanPolicy.Stop;

    [Key("data", "The training text and its tokenizer.")]
    public DataSpec Data { get; init; } = new();

    [Key("curriculum", "Short sequences or easy samples first.")]
    public CurriculumSpec? Curriculum { get; init; }

    [Key("subset", "The samples that are trained on.")]
    public SubsetSpec? Subset { get; init; }
}

/// <summary>An exponential moving average of the weights.</summary>
[Shorthand("decay")]
public sealed record EmaSpec
{
    [Key("decay", "Share of the average that a step keeps.", Min = 0, Max = 0.9999999)]
    public double Decay { get; init; } = 0.999;

    [Key("warmup", "Whether step t keeps at most (1 + t) / (10 + t).")]
    public bool Warmup { get; init; } = true;
}

/// <summary>The end of a run whose validation loss no longer falls.</summary>
[Shorthand("patience")]
public sealed record EarlyStopSpec
{
    [Key("patience", "Validations in a row without improvement after which the run ends.", Min = 1, Max = 1_000_000)]
    public int Patience { get; init; } = 3;

    [Key("min-delta", "Nats per token by which the loss must be lower to be an improvement.", Min = 0, Max = 100)]
    public double MinDelta { get; init; }
}

[Shorthand("kind")]
public sealed record OptimizerSpec
{
    [Key("kind", "The update rule.")]
    public OptimizerKind Kind { get; init; } = OptimizerKind.Adamw;

    [Key("learning-rate", "Peak learning rate.", Min = 0, Max = 10)]
    public double LearningRate { get; init; } = 3e-4;

    [Key("warmup", "Steps of linear rise to the peak.", Min = 0, Max = 100_000_000)]
    public int Warmup { get; init; } = 100;

    [Key("decay", "The shape of the learning rate after the warm-up.")]
    public DecayKind Decay { get; init; } = DecayKind.Cosine;

    [Key("final", "Learning rate at the last step, as a share of the peak.", Min = 0, Max = 1)]
    [OnlyWith("decay", DecayKind.Cosine, DecayKind.Linear, DecayKind.Wsd)]
    public double Final { get; init; } = 0.1;

    [Key("decay-share", "Share of the steps in which the learning rate cools down, at the end of the run.", Min = 0.001, Max = 1)]
    [OnlyWith("decay", DecayKind.Wsd)]
    public double DecayShare { get; init; } = 0.2;

    [Key("cool-down", "The shape of the cool-down: sqrt falls as 1 − √x, linear as 1 − x.")]
    [OnlyWith("decay", DecayKind.Wsd)]
    public CoolDownKind CoolDown { get; init; } = CoolDownKind.Sqrt;

    [Key("beta1", "Decay of the first moment; for lion, the momentum's share in the update's sign.", Min = 0, Max = 0.999999)]
    [OnlyWith("kind", OptimizerKind.Adamw, OptimizerKind.Lion, OptimizerKind.Muon, OptimizerKind.Adamw_8bit)]
    public double Beta1 { get; init; } = 0.9;

    [Key("beta2", "Decay of the second moment; for lion, of the momentum. Default: 0.95; for lion 0.99.", Min = 0, Max = 0.999999)]
    [OnlyWith("kind", OptimizerKind.Adamw, OptimizerKind.Lion, OptimizerKind.Muon, OptimizerKind.Adamw_8bit)]
    public double? Beta2 { get; init; }

    [Key("epsilon", "Added to the root of the second moment.", Min = 1e-15, Max = 1)]
    [OnlyWith("kind", OptimizerKind.Adamw, OptimizerKind.Muon, OptimizerKind.Adamw_8bit)]
    public double Epsilon { get; init; } = 1e-8;

    [Key("momentum", "Share of the momentum that is kept. Default: 0.9; for muon 0.95.", Min = 0, Max = 0.999999)]
    [OnlyWith("kind", OptimizerKind.Sgd, OptimizerKind.Muon)]
    public double? Momentum { get; init; }

    [Key("nesterov", "Nesterov's momentum, which looks ahead. Default: false; for muon true.")]
    [OnlyWith("kind", OptimizerKind.Sgd, OptimizerKind.Muon)]
    public bool? Nesterov { get; init; }

    [Key("adamw-rate", "Learning rate of embeddings, head and vectors, which AdamW updates, as a multiple of learning-rate.", Min = 0, Max = 1000)]
    [OnlyWith("kind", OptimizerKind.Muon)]
    public double AdamwRate { get; init; } = 1.0;

    [Key("weight-decay", "Decoupled weight decay.", Min = 0, Max = 10)]
    public double WeightDecay { get; init; } = 0.1;

    [Key("weight-decay-on", "The parameters that weight decay applies to.")]
    public DecayTargets WeightDecayOn { get; init; } = DecayTargets.Matrices;

    [Key("clip", "Largest global gradient norm; 0 for no clipping.", Min = 0, Max = 1e9)]
    public double Clip { get; init; } = 1.0;
}

[Shorthand("every")]
public sealed record CheckpointsSpec
{
    [Key("keep", "Checkpoints that are kept: the newest ones, so that a damaged one costs only its own steps.", Min = 1, Max = 10_000)]
    public int Keep { get; init; } = 3;

    [Key("every", "Steps between two checkpoints. Default: a tenth of the run, from 50 to 1000.", Min = 1, Max = 100_000_000)]
    public int? Every { get; init; }
}

[Shorthand("source")]
public sealed record DataSpec
{
    [Key("source", "A file or folder of .txt, .md, .jsonl or .parquet, or sdk-docs: the XML documentation of the installed .NET SDK.")]
    public string Source { get; init; } = "sdk-docs";

    [Key("field", "The text's field in JSONL and its column in Parquet.")]
    public string Field { get; init; } = "text";

    [Key("tokenizer", "How text becomes tokens.")]
    public TokenizerKind Tokenizer { get; init; } = TokenizerKind.Bytes;

    [Key("validation", "Share of the files held out for validation.", Min = 0, Max = 0.5)]
    public double Validation { get; init; } = 0.05;
}
