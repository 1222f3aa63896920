using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>Parts of a model that are removed as a whole.</summary>
public enum PrunedPartKind
{
    /// <summary>Attention heads, by the key and value head that they share.</summary>
    Heads,

    /// <summary>Neurons of an MLP.</summary>
    Hidden,

    /// <summary>Repeated blocks.</summary>
    Layers,

    /// <summary>Channels of the residual stream.</summary>
    Width,
}

/// <summary>A dimension of a parameter that the parts divide into equal groups: its rows, or its columns. A vector has one column.</summary>
/// <param name="Offset">First element of the first set's in the flat buffers.</param>
/// <param name="Stride">Elements from one set to the next.</param>
/// <param name="Count">Number of sets.</param>
/// <param name="Rows">Rows of the parameter.</param>
/// <param name="Columns">Columns of the parameter.</param>
/// <param name="ByColumns">Whether columns rather than rows are divided.</param>
/// <param name="Site">The product whose input has this dimension, by the number with which it is observed; −1 for none.</param>
/// <param name="Scale">What the remaining values are multiplied by when the others are removed: a norm's mean is then over fewer.</param>
public readonly record struct PrunedAxis(
    long Offset, long Stride, int Count, long Rows, long Columns, bool ByColumns = false, int Site = -1, double Scale = 1)
{
    /// <summary>The parameter of a set in a flat buffer, with a dimension for the groups: [G, size·columns], or [rows, G, size].</summary>
    internal Tensor Grouped(Tensor buffer, int set, int groups)
    {
        var values = buffer.narrow(0, Offset + (set * Stride), Rows * Columns);
        return ByColumns ? values.view(Rows, groups, Columns / groups) : values.view(groups, -1);
    }
}

/// <summary>Parts of one kind in one place, of which some are removed.</summary>
/// <param name="Kind">What they are.</param>
/// <param name="Name">Of the layer that they are of.</param>
/// <param name="Groups">How many there are.</param>
/// <param name="Kept">How many remain.</param>
/// <param name="Choices">How often a choice is made: for each set of a block's parameters, or once.</param>
/// <param name="Axes">The parameters that they are parts of.</param>
public sealed record PrunedStructure(PrunedPartKind Kind, string Name, int Groups, int Kept, int Choices, PrunedAxis[] Axes)
{
    /// <summary>The sum of a flat buffer over each group.</summary>
    /// <param name="buffer">fp32 [Length]</param>
    /// <param name="choice">The set of parameters, where each has a choice of its own.</param>
    /// <returns>[Groups]</returns>
    internal Tensor Sums(Tensor buffer, int choice)
    {
        var sums = zeros([Groups], buffer.dtype, buffer.device);
        foreach (var axis in Axes)
        {
            if (Kind == PrunedPartKind.Layers)
            {
                for (var layer = 0; layer < Groups; layer++) sums.narrow(0, layer, 1).add_(axis.Grouped(buffer, layer, 1).sum(), HeldScalars.One);
                continue;
            }

            foreach (var set in Sets(axis, choice))
            {
                var values = axis.Grouped(buffer, set, Groups);
                sums.add_(axis.ByColumns ? values.sum([0, 2]) : values.sum([1]), HeldScalars.One);
            }
        }

        return sums;
    }

    /// <summary>Marks all parameters of some groups.</summary>
    /// <param name="removed">bool [Length]</param>
    /// <param name="choice">The set of parameters, where each has a choice of its own.</param>
    /// <param name="groups">bool [Groups]</param>
    internal void Mark(Tensor removed, int choice, Tensor groups)
    {
        foreach (var axis in Axes)
        {
            if (Kind == PrunedPartKind.Layers)
            {
                for (var layer = 0; layer < Groups; layer++) axis.Grouped(removed, layer, 1).masked_fill_(groups.narrow(0, layer, 1), 1);
                continue;
            }

            foreach (var set in Sets(axis, choice))
                axis.Grouped(removed, set, Groups).masked_fill_(axis.ByColumns ? groups.view(1, -1, 1) : groups.view(-1, 1), 1);
        }
    }

    /// <summary>The sets that a choice is for: its own, or all.</summary>
    private IEnumerable<int> Sets(PrunedAxis axis, int choice) => Kind == PrunedPartKind.Width ? Enumerable.Range(0, axis.Count) : [choice];
}
