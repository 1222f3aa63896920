using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Pruning against itself, the steps of training and the other directives.</summary>
internal static class PruningRules
{
    private const string Path = "efficiency.pruning";

    /// <summary>The part of a training that should be left after the last removal under a pattern.</summary>
    private const int TuningPart = 10;

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        if (PruningSpec.Resolve(model) is not { } pruning) return [];
        return Form(pruning).Concat(Steps(pruning, model.Training.Steps)).Concat(Tuning(pruning, model.Training.Steps)).Concat(Others(pruning, model)).Concat(PrunedSizeRules.Check(pruning, model));
    }

    private static IEnumerable<Diagnostic> Form(PruningSpec pruning)
    {
        string[] given = [.. new[] { ("sparsity", pruning.Sparsity is not null), ("pattern", pruning.Pattern is not null), ("to", pruning.To is not null) }
            .Where(key => key.Item2).Select(key => key.Item1)];
        if (given.Length != 1)
            yield return DiagnosticCatalog.PruningForm.At(Path, given.Length == 0
                ? "nothing says how much is removed; write e.g. 'sparsity: 0.5', 'pattern: 2:4' or 'to: { heads: 4 }'"
                : $"'{string.Join("' and '", given)}' say how much is removed in more than one way; keep one of them");
        else if (pruning.To is not null && pruning.Method != PruningMethod.Magnitude)
            yield return DiagnosticCatalog.NoEffect.At(Path + ".method", "'method' chooses single weights, and 'to' removes whole parts; remove it, or write 'importance'");
        else if (pruning.To is not null && pruning.Targets.Count > 0)
            yield return DiagnosticCatalog.NoEffect.At(Path + ".targets", "'targets' are of single weights, and 'to' removes parts of all layers; remove one of them");
        else if (pruning.To is null && pruning.Importance != Importance.Weight)
            yield return DiagnosticCatalog.NoEffect.At(Path + ".importance", "'importance' compares whole parts, which 'to' removes; remove it, or write 'method'");
        else if (!pruning.Observes && pruning.Calibration != new PruningSpec().Calibration)
            yield return DiagnosticCatalog.NoEffect.At(Path + ".calibration", "nothing here needs the layers' inputs; remove 'calibration'");
        else if (pruning.Pattern is { } pattern && PruningSpec.ParsePattern(pattern) is null)
            yield return DiagnosticCatalog.PruningPattern.At(Path + ".pattern",
                $"'{RecordBinder.Short(pattern)}' is no pattern N:M with N below M and M one of 2, 4, 8, 16 and 32; write e.g. 2:4");
        else if (pruning is { Pattern: not null, Scope: PruningScope.Global })
            yield return DiagnosticCatalog.NoEffect.At(Path + ".scope", "a pattern keeps as many weights of every group, so there is nothing to compare in all layers; remove 'scope'");
    }

    private static IEnumerable<Diagnostic> Steps(PruningSpec pruning, int steps)
    {
        if (pruning.Schedule == PruningSchedule.Iterative)
        {
            if (steps - pruning.Rewind!.Value < pruning.Rounds + 1)
                yield return DiagnosticCatalog.PruningSteps.At(Path + ".rounds",
                    $"{steps} steps do not suffice for {pruning.Rounds} rounds from step {pruning.Rewind} on and the training after them; write fewer rounds or more steps in training");
        }
        else if (pruning.Begin > steps)
            yield return DiagnosticCatalog.PruningSteps.At(Path + ".begin",
                $"weights are first removed after step {pruning.Begin}, but the training has {steps}; write e.g. 'begin: {Math.Max(1, steps / 2)}' or more steps in training");
        else if (pruning.Schedule == PruningSchedule.Cubic && (pruning.End <= pruning.Begin || pruning.End > steps))
            yield return DiagnosticCatalog.PruningSteps.At(Path + ".end", pruning.End > steps
                ? $"the last weights are removed after step {pruning.End}, but the training has {steps}; write e.g. 'end: {Math.Max(2, steps * 3 / 4)}' or more steps in training"
                : $"the last weights are removed after step {pruning.End}, which does not come after the first removal at {pruning.Begin}; write a later 'end', or 'schedule: one-shot'");
    }

    /// <summary>A pattern takes weights whether they matter or not: those that remain have to make up for them.</summary>
    private static IEnumerable<Diagnostic> Tuning(PruningSpec pruning, int steps)
    {
        var last = pruning.LastRemoval(steps);
        if (pruning.Pattern is null || pruning.Schedule == PruningSchedule.Iterative || last > steps || steps - last >= steps / TuningPart) yield break;
        yield return DiagnosticCatalog.PatternWithoutTuning.At($"{Path}.{(pruning.Schedule == PruningSchedule.Cubic ? "end" : "begin")}",
            $"after the last removal {(steps == last ? "no step is" : $"{steps - last} of {steps} steps are")} left to make up for it; "
            + $"remove earlier, e.g. after step {Math.Max(1, steps / 2)}, or train longer");
    }

    private static IEnumerable<Diagnostic> Others(PruningSpec pruning, ModelSpec model)
    {
        if (model.Efficiency.Adapt is not null)
            yield return DiagnosticCatalog.PruningAndAdapt.At(Path,
                "'adapt' freezes the weights that are to be pruned, and merged adapters fill the gaps; prune in the training before, or remove 'adapt'");

        if (pruning.Observes && pruning.To is null && HasMemory(model))
            yield return DiagnosticCatalog.PruningInputs.At(Path + ".method",
                $"{KebabCase.Of(pruning.Method.ToString())} reads earlier sequences again, but the model goes on from the memory of those before them; write 'method: magnitude' or 'movement'");

        if (pruning is { Method: PruningMethod.Sparsegpt, Schedule: PruningSchedule.Iterative })
            yield return DiagnosticCatalog.PruningRewind.At(Path + ".schedule",
                "sparsegpt changes the weights that remain, which a rewind would undo; write 'schedule: one-shot' or 'cubic', or another method");
    }

    internal static bool HasMemory(ModelSpec model) => model.Architecture.Family == Family.TransformerXl
        || LayerLists.All(model.Architecture.Blocks, "").Any(entry => entry.Layer is RelativeAttentionLayer);
}
