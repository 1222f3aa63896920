namespace ModelCompiler.ModelDsl;

/// <summary>What a model learns to predict.</summary>
[Shorthand("kind")]
public sealed record ObjectiveSpec
{
    [Key("kind", "What is predicted.", Required = true)]
    public ObjectiveKind Kind { get; init; }

    [Key("mask", "Share of the tokens that are to be predicted: of these 80 % become [MASK], 10 % another token, 10 % stay.", Min = 0.01, Max = 0.9)]
    [OnlyWith("kind", ObjectiveKind.Masked, ObjectiveKind.MaskedWithOrder)]
    public double Mask { get; init; } = 0.15;

    /// <summary>The declared objective, or the default: masked for the families encoder and albert, else causal.</summary>
    public static ObjectiveSpec Resolve(ModelSpec model) => model.Training.Objective
        ?? new() { Kind = model.Architecture.Family is Family.Encoder or Family.Albert ? ObjectiveKind.Masked : ObjectiveKind.Causal };
}

/// <summary>What is predicted in training.</summary>
public enum ObjectiveKind
{
    /// <summary>The next token, from those before it.</summary>
    Causal,

    /// <summary>Tokens that were hidden, from those around them (BERT; Devlin et al. 2019).</summary>
    Masked,

    /// <summary>Hidden tokens, and whether two consecutive segments stand in their order or are swapped (ALBERT; Lan et al. 2020).</summary>
    MaskedWithOrder,

    /// <summary>The class of a text.</summary>
    Classification,

    /// <summary>Real numbers from real numbers, by their squared error: for tasks of numbers in meta-learning.</summary>
    Regression,
}
