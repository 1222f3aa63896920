namespace ModelCompiler.ModelDsl;

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

    [Key("objective", "What the model learns to predict. Default: masked for the families encoder and albert, else causal.")]
    public ObjectiveSpec? Objective { get; init; }

    [Key("data", "The training text and its tokenizer.")]
    public DataSpec Data { get; init; } = new();

    [Key("curriculum", "Short sequences or easy samples first.")]
    public CurriculumSpec? Curriculum { get; init; }

    [Key("subset", "The samples that are trained on.")]
    public SubsetSpec? Subset { get; init; }

    [Key("distillation", "A teacher whose predictions are learned beside the text.")]
    public DistillationSpec? Distillation { get; init; }

    [Key("meta", "Learning to adapt to new tasks in a few steps.")]
    public MetaSpec? Meta { get; init; }
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

    [Key("label", "The field of the class in JSONL, for the objective classification; in a folder of texts the subfolders are the classes.")]
    public string Label { get; init; } = "label";

    [Key("tokenizer", "How text becomes tokens.")]
    public TokenizerKind Tokenizer { get; init; } = TokenizerKind.Bytes;

    [Key("tokenizer-file", "The tokenizer.json.")]
    [OnlyWith("tokenizer", TokenizerKind.Json)]
    public string TokenizerFile { get; init; } = "tokenizer.json";

    [Key("validation", "Share of the files held out for validation.", Min = 0, Max = 0.5)]
    public double Validation { get; init; } = 0.05;
}
