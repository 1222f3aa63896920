using System.Globalization;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Precision, and checkpoints against the blocks that there are.</summary>
internal static class EfficiencyRules
{
    private const string CheckpointPath = "efficiency.checkpoint";

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        if (model.Efficiency.Precision.Master != Precision.Fp32)
            yield return DiagnosticCatalog.MasterPrecision.At("efficiency.precision.master",
                $"the optimizer would lose small updates in {model.Efficiency.Precision.Master.ToString().ToLowerInvariant()}; write 'master: fp32' or remove the key");

        var scale = model.Efficiency.Precision.LossScale;
        if (scale.Fixed is not null && scale != new LossScaleSpec { Fixed = scale.Fixed })
            yield return DiagnosticCatalog.NoEffect.At("efficiency.precision.loss-scale",
                "beside 'fixed' the other keys of 'loss-scale' have no effect; remove them, or 'fixed'");

        if (model.Efficiency.Checkpoint is not { } checkpoint) yield break;
        foreach (var diagnostic in CheckCheckpoint(checkpoint, Blocks(model.Architecture))) yield return diagnostic;
    }

    private static IEnumerable<Diagnostic> CheckCheckpoint(CheckpointSpec checkpoint, IReadOnlyList<(string Name, int Times)> blocks)
    {
        string[] given = [.. Given(checkpoint)];
        if (given.Length != 1)
            return
            [
                DiagnosticCatalog.CheckpointForm.At(CheckpointPath, given.Length > 1
                    ? $"the checkpoint has '{string.Join("' and '", given)}'; keep one of them"
                    : "the checkpoint says nothing; write e.g. 'every: 2' or 'budget: 512MiB'"),
            ];

        return checkpoint.Boundaries.Count > 0 ? CheckBoundaries(checkpoint.Boundaries, blocks)
            : checkpoint.Every is { } every ? CheckEvery(every, blocks)
            : CheckBlocks(given[0], blocks);
    }

    /// <summary>The keys that are given.</summary>
    private static IEnumerable<string> Given(CheckpointSpec checkpoint)
    {
        if (checkpoint.Layers is not null) yield return "layers";
        if (checkpoint.Boundaries.Count > 0) yield return "boundaries";
        if (checkpoint.Every is not null) yield return "every";
        if (checkpoint.Save.Count > 0) yield return "save";
        if (checkpoint.Budget is not null) yield return "budget";
    }

    private static IEnumerable<Diagnostic> CheckBlocks(string key, IReadOnlyList<(string Name, int Times)> blocks)
    {
        if (blocks.Count == 0)
            yield return DiagnosticCatalog.CheckpointEvery.At($"{CheckpointPath}.{key}", "the model repeats no block, so there is nothing to recompute; remove 'checkpoint'");
    }

    private static IEnumerable<Diagnostic> CheckEvery(int every, IReadOnlyList<(string Name, int Times)> blocks)
    {
        var longest = blocks.Select(block => block.Times).DefaultIfEmpty(0).Max();
        if (every >= longest)
            yield return DiagnosticCatalog.CheckpointEvery.At(CheckpointPath + ".every",
                longest < 2
                    ? "the model repeats no block, so there is nothing to divide into segments; remove 'checkpoint'"
                    : $"'every: {every}' makes one segment of the {longest} blocks; write a number from 1 to {longest - 1}");
    }

    private static IEnumerable<Diagnostic> CheckBoundaries(
        EquatableArray<string> boundaries, IReadOnlyList<(string Name, int Times)> blocks)
    {
        var last = -1;
        for (var i = 0; i < boundaries.Count; i++)
        {
            var path = SpecPath.Item(CheckpointPath + ".boundaries", i);
            var place = Place(boundaries[i], blocks);
            if (place < 0)
                yield return DiagnosticCatalog.UnknownBoundary.At(path,
                    $"the model has no block '{RecordBinder.Short(boundaries[i])}'; {Known(boundaries[i], blocks)}");
            else if (place <= last)
                yield return DiagnosticCatalog.BoundaryOrder.At(path,
                    $"'{boundaries[i]}' does not come after the boundary before it; give each once, in the order of the blocks");
            last = Math.Max(last, place);
        }
    }

    /// <summary>The place of name.index among all blocks; -1 if there is none.</summary>
    private static int Place(string boundary, IReadOnlyList<(string Name, int Times)> blocks)
    {
        var first = 0;
        foreach (var (name, times) in blocks)
        {
            if (boundary.StartsWith(name + ".", StringComparison.Ordinal)
                && int.TryParse(boundary.Substring(name.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                && index < times)
                return first + index;
            first += times;
        }

        return -1;
    }

    private static string Known(string boundary, IReadOnlyList<(string Name, int Times)> blocks)
    {
        if (blocks.Count == 0) return "it repeats no block, so there is nothing to divide into segments; remove 'checkpoint'";
        var name = boundary.Split('.')[0];
        var nearest = blocks.Any(block => block.Name == name) ? null : Suggestion.Nearest(name, blocks.Select(block => block.Name));
        return nearest is not null
            ? $"did you mean '{nearest}{boundary.Substring(name.Length)}'?"
            : "the blocks are " + string.Join(", ", blocks.Select(b => $"{b.Name}.0 to {b.Name}.{b.Times - 1}"));
    }

    /// <summary>The repeats of the model, in order. Where a family's blocks attend locally and globally in turn, a group of them is repeated.</summary>
    internal static IReadOnlyList<(string Name, int Times)> Blocks(ArchitectureSpec architecture) =>
        architecture.Family is not null && architecture.Blocks.Count == 0
            ? [.. Family(architecture.Layers ?? 0, architecture.GlobalEvery ?? 1).Where(block => block.Times > 0)]
            : LayerLists.All(architecture.Blocks, "architecture.blocks")
                .Select(entry => entry.Layer).OfType<RepeatLayer>().Select(repeat => (repeat.Name ?? "blocks", repeat.Times)).ToArray();

    private static (string Name, int Times)[] Family(int layers, int every) => [("blocks", layers / every), ("rest", layers % every)];
}
