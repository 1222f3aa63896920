namespace ModelCompiler.ModelDsl;

/// <summary>What training begins with, and how fast the rest follows (Bengio et al. 2009).</summary>
[Shorthand("metric")]
public sealed record CurriculumSpec
{
    [Key("metric", "What makes a sample difficult; length shortens all sequences.")]
    public DifficultyMetric Metric { get; init; } = DifficultyMetric.Length;

    [Key("model", "The declared model whose loss is the difficulty.")]
    [OnlyWith("metric", DifficultyMetric.Loss)]
    public string? Model { get; init; }

    [Key("pacing", "How it goes from the start to the end.")]
    public PacingKind Pacing { get; init; } = PacingKind.Linear;

    [Key("from", "The start: tokens of a sequence (default: a quarter of the context), or the share of the samples, the easiest (default: 0.1).", Min = 0.0001, Max = 1_048_576)]
    public double? From { get; init; }

    [Key("to", "The end, as `from` (default: the context, or 1). After `steps` sequences have the whole context and all samples are trained on.", Min = 0.0001, Max = 1_048_576)]
    public double? To { get; init; }

    [Key("steps", "Steps from the start to the end. Default: a third of training.steps.", Min = 1, Max = 100_000_000)]
    public int? Steps { get; init; }

    [Key("multiple", "Lengths grow by this many tokens; each is compiled as a step of its own. Default: as many as `from`.", Min = 1, Max = 1_048_576)]
    [OnlyWith("metric", DifficultyMetric.Length)]
    public int? Multiple { get; init; }

    /// <summary>The same with every default filled in, for a valid declaration.</summary>
    public static CurriculumSpec? Resolve(ModelSpec model)
    {
        if (model.Training.Curriculum is not { } declared) return null;
        var length = declared.Metric == DifficultyMetric.Length;
        var from = declared.From ?? (length ? Math.Max(1, model.Architecture.Context / 4) : 0.1);
        return declared with
        {
            From = from,
            To = declared.To ?? (length ? model.Architecture.Context : 1),
            Steps = declared.Steps ?? Math.Max(1, model.Training.Steps / 3),
            Multiple = length ? declared.Multiple ?? (int)from : null,
        };
    }

    /// <summary>
    /// The sequence lengths that a model trains at, ascending; the last is its context. From the curriculum's start they
    /// grow by its multiple to its end; without a curriculum over length there is only the context.
    /// </summary>
    public static EquatableArray<int> Lengths(ModelSpec model)
    {
        var context = model.Architecture.Context;
        if (Resolve(model) is not { Metric: DifficultyMetric.Length } curriculum) return EquatableArray.Of(context);
        var lengths = new SortedSet<int> { (int)curriculum.To!.Value, context };
        for (var length = (long)curriculum.From!.Value; length < curriculum.To; length += curriculum.Multiple!.Value) lengths.Add((int)length);
        return lengths.ToEquatableArray();
    }
}

/// <summary>What makes a sample, a window of the training text, difficult.</summary>
public enum DifficultyMetric
{
    /// <summary>The length of the sequence: training begins with short ones (Press et al. 2021; Li et al. 2022).</summary>
    Length,

    /// <summary>The mean negative log probability of its tokens by their frequency (Platanios et al. 2019).</summary>
    Rarity,

    /// <summary>Its loss under another, smaller model of the project (Hacohen and Weinshall 2019).</summary>
    Loss,

    /// <summary>The size of its compressed bytes over their number.</summary>
    Compression,

    /// <summary>What the model's static method with <c>[Difficulty]</c> says.</summary>
    Method,
}

/// <summary>How a curriculum goes from its start to its end.</summary>
public enum PacingKind
{
    /// <summary>Evenly.</summary>
    Linear,

    /// <summary>Fast at first: the square grows evenly (Platanios et al. 2019).</summary>
    Root,

    /// <summary>Slowly at first: each step multiplies by the same factor (Hacohen and Weinshall 2019).</summary>
    Exponential,

    /// <summary>All at once, after <c>steps</c> (Hacohen and Weinshall 2019: single step pacing).</summary>
    Step,

    /// <summary>As the model's static method with <c>[Pacing]</c> says.</summary>
    Method,
}
