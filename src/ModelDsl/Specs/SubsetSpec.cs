namespace ModelCompiler.ModelDsl;

/// <summary>Which samples, windows of the training text, are trained on.</summary>
[Shorthand("method")]
public sealed record SubsetSpec
{
    [Key("method", "How samples are chosen.", Required = true)]
    public SubsetMethod Method { get; init; }

    [Key("samples", "Samples of an epoch, drawn from the text at random once. Default: all; for infobatch and el2n at most so many that the run has four epochs.", Min = 1, Max = 1_000_000_000)]
    public int? Samples { get; init; }

    [Key("keep", "Share that is trained on. Default: 0.5; for rho-loss 0.1.", Min = 0.01, Max = 1)]
    [OnlyWith("method", SubsetMethod.Random, SubsetMethod.SelectiveBackprop, SubsetMethod.RhoLoss, SubsetMethod.El2n)]
    public double? Keep { get; init; }

    [Key("prune", "Probability with which a sample below the mean loss is left out of an epoch.", Min = 0.01, Max = 0.95)]
    [OnlyWith("method", SubsetMethod.Infobatch)]
    public double Prune { get; init; } = 0.5;

    [Key("delta", "Share of the steps after which nothing is pruned any more.", Min = 0, Max = 1)]
    [OnlyWith("method", SubsetMethod.Infobatch)]
    public double Delta { get; init; } = 0.875;

    [Key("beta", "Samples are drawn in proportion to the percentile of their loss to this power. Default: the highest losses are taken.", Min = 0.01, Max = 100)]
    [OnlyWith("method", SubsetMethod.SelectiveBackprop)]
    public double? Beta { get; init; }

    [Key("interrupt", "Steps for which the loss of a sample is used again instead of computed anew.", Min = 0, Max = 100_000_000)]
    [OnlyWith("method", SubsetMethod.SelectiveBackprop)]
    public int Interrupt { get; init; }

    [Key("holdout", "The declared model that was trained on other text; its loss is the part that cannot be learned.")]
    [OnlyWith("method", SubsetMethod.RhoLoss)]
    public string? Holdout { get; init; }

    [Key("after", "Steps on all samples before they are scored. Default: a tenth of training.steps.", Min = 1, Max = 100_000_000)]
    [OnlyWith("method", SubsetMethod.El2n)]
    public int? After { get; init; }

    [Key("precision", "Precision of the forward passes that score samples. Default: that in which the model computes.")]
    [OnlyWith("method", SubsetMethod.SelectiveBackprop, SubsetMethod.RhoLoss, SubsetMethod.El2n)]
    public Precision? Precision { get; init; }

    /// <summary>Whether samples are scored in another precision than the model trains in, by a forward pass of its own.</summary>
    public static bool ScoresApart(ModelSpec model) =>
        model.Training.Subset is { Method: SubsetMethod.SelectiveBackprop or SubsetMethod.RhoLoss or SubsetMethod.El2n, Precision: { } precision }
        && precision != model.Efficiency.Precision.Compute;

    /// <summary>
    /// The same with every default filled in but <see cref="Samples"/>, which the text decides; <see cref="Precision"/> is null unless it is another one than training's.
    /// </summary>
    public static SubsetSpec? Resolve(ModelSpec model) => model.Training.Subset is not { } declared ? null : declared with
    {
        Keep = declared.Keep ?? (declared.Method == SubsetMethod.RhoLoss ? 0.1 : 0.5),
        After = declared.After ?? Math.Max(1, model.Training.Steps / 10),
        Precision = ScoresApart(model) ? declared.Precision : null,
    };
}

/// <summary>How samples are chosen.</summary>
public enum SubsetMethod
{
    /// <summary>At random in each epoch: what the other methods must beat.</summary>
    Random,

    /// <summary>Samples below the mean loss are pruned at random, the gradients of the others scaled so that their expectation stays (Qin et al. 2024).</summary>
    Infobatch,

    /// <summary>A forward pass over candidates, a backward pass over those with the highest losses (Jiang et al. 2019).</summary>
    SelectiveBackprop,

    /// <summary>As selective-backprop, by the loss less that of a model trained on other text (Mindermann et al. 2022).</summary>
    RhoLoss,

    /// <summary>Early in training the samples with the largest errors are chosen for the rest of it (Paul et al. 2021).</summary>
    El2n,
}
