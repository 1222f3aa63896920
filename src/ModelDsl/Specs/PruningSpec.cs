using System.Globalization;

namespace ModelCompiler.ModelDsl;

/// <summary>Weights that are set to zero during training and stay there.</summary>
[Shorthand("sparsity")]
public sealed record PruningSpec
{
    [Key("method", "What chooses the weights that are removed.")]
    public PruningMethod Method { get; init; } = PruningMethod.Magnitude;

    [Key("sparsity", "Share of the targets' weights that is removed. One of this, pattern and to.", Min = 0.01, Max = 0.99)]
    public double? Sparsity { get; init; }

    [Key("pattern", "Of every M neighbours in a row N are kept, written N:M, e.g. 2:4; M is 2, 4, 8, 16 or 32.")]
    public string? Pattern { get; init; }

    [Key("scope", "Where the least important weights are looked for: in each matrix by itself, or in all of them together.")]
    [OnlyWith("method", PruningMethod.Magnitude, PruningMethod.Movement)]
    public PruningScope Scope { get; init; } = PruningScope.Layer;

    [Key("targets", "Linear layers that are pruned, by name or pattern. Default: all of the repeated blocks. E.g. [blocks.*.mlp.*].")]
    public EquatableArray<string> Targets { get; init; }

    [Key("to", "Whole parts are removed instead, down to these sizes: what is exported is a smaller model.")]
    public PrunedSizesSpec? To { get; init; }

    [Key("importance", "Of `to`: by what parts are compared.")]
    public Importance Importance { get; init; } = Importance.Weight;

    [Key("schedule", "When weights are removed.")]
    public PruningSchedule Schedule { get; init; } = PruningSchedule.OneShot;

    [Key("begin", "The step after which weights are first removed. Default: half of training.steps; for cubic a tenth.", Min = 1, Max = 100_000_000)]
    [OnlyWith("schedule", PruningSchedule.OneShot, PruningSchedule.Cubic)]
    public int? Begin { get; init; }

    [Key("end", "The step after which the last weights are removed. Default: three quarters of training.steps.", Min = 1, Max = 100_000_000)]
    [OnlyWith("schedule", PruningSchedule.Cubic)]
    public int? End { get; init; }

    [Key("every", "Steps between two removals.", Min = 1, Max = 100_000_000)]
    [OnlyWith("schedule", PruningSchedule.Cubic)]
    public int Every { get; init; } = 10;

    [Key("rounds", "How often weights are removed and the others set back.", Min = 1, Max = 100)]
    [OnlyWith("schedule", PruningSchedule.Iterative)]
    public int Rounds { get; init; } = 3;

    [Key("rewind", "The step to whose weights each round goes back. Default: a twentieth of training.steps.", Min = 1, Max = 100_000_000)]
    [OnlyWith("schedule", PruningSchedule.Iterative)]
    public int? Rewind { get; init; }

    [Key("calibration", "Sequences of the steps before that the model reads again at each removal, for what needs the layers' inputs.", Min = 1, Max = 65_536)]
    public int Calibration { get; init; } = 128;

    [Key("from", "A checkpoint of the same model without pruning, whose weights the training starts from instead of random ones.")]
    public string? From { get; init; }

    /// <summary>Whether the inputs of layers are needed.</summary>
    public bool Observes => To is null ? Method is PruningMethod.Wanda or PruningMethod.Sparsegpt : Importance == Importance.Activation;

    /// <summary>The same with every default filled in, for a valid declaration.</summary>
    public static PruningSpec? Resolve(ModelSpec model)
    {
        if (model.Efficiency.Pruning is not { } declared) return null;
        var steps = model.Training.Steps;
        return declared with
        {
            Begin = declared.Begin ?? Math.Max(1, declared.Schedule == PruningSchedule.Cubic ? steps / 10 : steps / 2),
            End = declared.End ?? Math.Max(1, steps * 3 / 4),
            Rewind = declared.Rewind ?? Math.Max(1, steps / 20),
        };
    }

    /// <summary>The step after which the last weights are removed, of a declaration with every default filled in.</summary>
    /// <param name="steps">The declared steps of training, to which the schedule is compiled.</param>
    public int LastRemoval(int steps) => Schedule switch
    {
        PruningSchedule.Cubic => End!.Value,
        PruningSchedule.Iterative => Rewind!.Value + (Rounds * ((steps - Rewind.Value) / (Rounds + 1))),
        _ => Begin!.Value,
    };

    /// <summary>Whether of four neighbours no more than two are kept, as sparse tensor cores want it.</summary>
    public bool IsTwoOfFour => Pattern is { } pattern && ParsePattern(pattern) is (var kept, <= 4 and var of) && kept * 2 <= of;

    /// <summary>N and M of a <see cref="Pattern"/>; null for what is none.</summary>
    public static (int Kept, int Of)? ParsePattern(string text)
    {
        var parts = text.Split(':');
        return parts.Length == 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var kept)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var of)
            && of is 2 or 4 or 8 or 16 or 32 && kept >= 1 && kept < of ? (kept, of) : null;
    }
}

/// <summary>The sizes of a model after whole parts of it are removed; those that are not given stay.</summary>
public sealed record PrunedSizesSpec
{
    [Key("heads", "Attention (query) heads that each layer keeps; where several share keys and values they go together.", Min = 1, Max = 1024)]
    public int? Heads { get; init; }

    [Key("hidden", "Neurons that each mlp keeps.", Min = 1, Max = 1_048_576)]
    public int? Hidden { get; init; }

    [Key("layers", "Layers (repeated blocks) that are kept; where local and global ones take turns they go in whole groups.", Min = 1, Max = 1024)]
    public int? Layers { get; init; }

    [Key("width", "Channels of the residual stream that are kept.", Min = 1, Max = 65_536)]
    public int? Width { get; init; }
}

/// <summary>By what the parts of a model are compared.</summary>
public enum Importance
{
    /// <summary>The sum of their squared weights (Li et al. 2017).</summary>
    Weight,

    /// <summary>The mean square of what they give to the next layer (Muralidharan et al. 2024); of a block how little it turns the stream (Men et al. 2024).</summary>
    Activation,

    /// <summary>The squared first-order change of the loss without them, (Σ w · ∂L/∂w)², over the steps (Molchanov et al. 2019).</summary>
    Taylor,
}

/// <summary>What chooses the weights that are removed.</summary>
public enum PruningMethod
{
    /// <summary>The smallest absolute values (Han et al. 2015).</summary>
    Magnitude,

    /// <summary>Those that training moves towards zero: the least sums of −w · ∂L/∂w (Sanh et al. 2020).</summary>
    Movement,

    /// <summary>In each row the smallest |w| · ‖x‖, by the inputs x that the layer has (Sun et al. 2023).</summary>
    Wanda,

    /// <summary>Those whose removal the row's other weights can best make up for, and do (Frantar and Alistarh 2023).</summary>
    Sparsegpt,
}

/// <summary>Where the least important weights are looked for.</summary>
public enum PruningScope
{
    /// <summary>Each matrix loses the same share.</summary>
    Layer,

    /// <summary>All targets together lose the share.</summary>
    Global,
}

/// <summary>When weights are removed.</summary>
public enum PruningSchedule
{
    /// <summary>All at once, after the step <c>begin</c>.</summary>
    OneShot,

    /// <summary>More and more from <c>begin</c> to <c>end</c>, fast at first: 1 − (1 − progress)³ of them (Zhu and Gupta 2017).</summary>
    Cubic,

    /// <summary>In rounds, after each of which the weights that remain are those of an early step again (Frankle et al. 2019).</summary>
    Iterative,
}
