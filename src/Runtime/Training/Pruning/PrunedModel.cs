using ModelCompiler.Runtime.Checkpoints;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>Makes the smaller model of what pruning has left: it computes the same with fewer parameters.</summary>
public static class PrunedModel
{
    /// <summary>Gathers the rows and columns of the parts that are not zero.</summary>
    /// <param name="model">The model that was pruned; it stays as it is.</param>
    /// <param name="smaller">The same model of smaller sizes; disposed if this fails.</param>
    /// <param name="structures">The parts.</param>
    /// <returns>The smaller model.</returns>
    /// <exception cref="CheckpointException">More parts have weights than are to remain: pruning has not come to its end.</exception>
    public static ICompiledModel Fill(ICompiledModel model, ICompiledModel smaller, IReadOnlyList<PrunedStructure> structures)
    {
        try
        {
            using var scope = NewDisposeScope();
            using var gradientless = no_grad();
            var sizes = model.Parameters.Master.abs();
            var kept = structures.ToDictionary(s => s, s => Enumerable.Range(0, s.Choices).Select(choice => Kept(model, s, s.Sums(sizes, choice), choice)).ToArray());
            var axes = structures.Where(s => s.Kind != PrunedPartKind.Layers).SelectMany(s => s.Axes.SelectMany(axis => Enumerable.Range(0, axis.Count)
                .Select(set => (Offset: axis.Offset + (set * axis.Stride), Axis: axis, s.Groups, Kept: kept[s][s.Choices > 1 ? set : 0])))).ToLookup(entry => entry.Offset);
            var layers = structures.FirstOrDefault(s => s.Kind == PrunedPartKind.Layers);
            var names = model.Parameters.Layout.ToDictionary(info => info.Name);
            foreach (var (name, target) in smaller.Parameters.Parameters())
            {
                var info = names[layers is null ? name : Original(name, layers.Name, kept[layers][0])];
                var values = model.Parameters.Master.narrow(0, info.Offset, info.Length).view(info.Shape[0], -1);
                foreach (var (_, axis, groups, indices) in axes[info.Offset])
                {
                    values = axis.ByColumns
                        ? values.view(values.size(0), groups, -1).index_select(1, indices).reshape(values.size(0), -1)
                        : values.reshape(groups, -1).index_select(0, indices).reshape(-1, values.size(1));
                    if (axis.Scale != 1) values = values * axis.Scale;
                }

                target.copy_(values.reshape(target.shape));
            }

            smaller.Parameters.CastCompute();
            return smaller;
        }
        catch
        {
            smaller.Dispose();
            throw;
        }
    }

    /// <summary>The groups that remain, ascending; where fewer have weights than are to remain, the first of the others too.</summary>
    private static Tensor Kept(ICompiledModel model, PrunedStructure structure, Tensor sizes, int choice)
    {
        float[] size = [.. sizes.cpu().data<float>()];
        var alive = size.Count(value => value != 0);
        if (alive > structure.Kept)
        {
            throw new CheckpointException(
                $"{model.Description.Name} is not pruned to its end: {alive} of {structure.Groups} parts of '{structure.Name.Replace("*", $"{choice}", StringComparison.Ordinal)}' ({structure.Kind.ToString().ToLowerInvariant()}) "
                + $"have weights, where {structure.Kept} are to remain. Train on with --resume until the last removal.");
        }

        long[] indices = [.. Enumerable.Range(0, structure.Groups).OrderBy(group => size[group] == 0).ThenBy(group => group).Take(structure.Kept).Order().Select(group => (long)group)];
        return tensor(indices, device: sizes.device);
    }

    /// <summary>The name of a layer's parameter in the model that has more layers.</summary>
    private static string Original(string name, string block, Tensor kept)
    {
        if (!name.StartsWith(block + ".", StringComparison.Ordinal)) return name;
        var end = name.IndexOf('.', block.Length + 1);
        var layer = int.Parse(name.AsSpan(block.Length + 1, end - block.Length - 1), System.Globalization.CultureInfo.InvariantCulture);
        return $"{block}.{kept[layer].item<long>()}{name[end..]}";
    }
}
