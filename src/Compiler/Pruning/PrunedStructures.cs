using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Pruning;

public enum PrunedPartKind
{
    Heads,
    Hidden,
    Layers,
    Width,
}

/// <summary>A dimension of a parameter that shrinks: rows or columns of a matrix, as many to each group.</summary>
/// <param name="Part">The parameter's part, of a slot of the layout.</param>
/// <param name="Offset">Of the first set's in the flat buffer.</param>
/// <param name="Scale">What remaining values are multiplied by when the others are removed.</param>
public sealed record PrunedAxis(string Block, string Parameter, string Part, long Offset, long Stride, int Count, long Rows, long Columns, bool ByColumns, double Scale);

/// <summary>Groups of parameters, of which some are removed: the heads of one attention, the neurons of one MLP, layers, or channels.</summary>
/// <param name="Name">Of the layer that they are of.</param>
/// <param name="Groups">How many there are.</param>
/// <param name="Kept">How many remain.</param>
/// <param name="Choices">How often a choice is made: for each set of a block's parameters.</param>
public sealed record PrunedStructure(PrunedPartKind Kind, string Name, int Groups, int Kept, int Choices, EquatableArray<PrunedAxis> Axes);

/// <summary>
/// Which rows and columns of which parameters belong to a head, a neuron, a layer or a channel: those dimensions that shrink when the model is
/// built with fewer of these and nothing else changed.
/// </summary>
internal static class PrunedStructures
{
    public static EquatableArray<PrunedStructure> Of(ModelSpec spec, ParameterLayout layout)
    {
        if (spec.Efficiency.Pruning?.To is not { } to) return EquatableArray<PrunedStructure>.Empty;
        var plain = spec with { Efficiency = new() { Precision = spec.Efficiency.Precision } };
        var structures = new List<PrunedStructure>();
        if (to.Heads is { } heads) structures.AddRange(ByLayer(PrunedPartKind.Heads, plain, layout, new() { Heads = heads }));
        if (to.Hidden is { } hidden) structures.AddRange(ByLayer(PrunedPartKind.Hidden, plain, layout, new() { Hidden = hidden }));
        if (to.Layers is { } layers) structures.Add(Blocks(layout, layers / LayersOfGroup(spec.Architecture)));
        if (to.Width is { } width)
            structures.Add(new(PrunedPartKind.Width, "width", spec.Architecture.Width, width, 1, Axes(plain, layout, new() { Width = width }, Math.Sqrt((double)spec.Architecture.Width / width)).ToEquatableArray()));
        return structures.ToEquatableArray();
    }

    /// <summary>Layers that are one repeated block, and so one part: the local ones and the global one behind them.</summary>
    public static int LayersOfGroup(ArchitectureSpec a) => a.Family is null ? 1 : a.GlobalEvery ?? 1;

    /// <summary>The axes of each attention or MLP are a structure of their own.</summary>
    private static IEnumerable<PrunedStructure> ByLayer(PrunedPartKind kind, ModelSpec spec, ParameterLayout layout, PrunedSizesSpec to)
    {
        var attention = FamilyLayers.Of(spec).SelectMany(Within).OfType<AttentionLayer>().FirstOrDefault();
        foreach (var layer in Axes(spec, layout, to, 1).GroupBy(axis => (axis.Block, Layer: Layer(axis.Part))))
        {
            // The dimension of the projection back, by its columns.
            var size = (int)layer.First(axis => axis.ByColumns).Columns;
            var (groups, kept) = kind == PrunedPartKind.Hidden ? (size, to.Hidden!.Value)
                : (attention!.KvHeads ?? attention.Heads, to.Heads!.Value / (attention.Heads / (attention.KvHeads ?? attention.Heads)));
            yield return new(kind, (layer.Key.Block.Length == 0 ? "" : BlockNames.Layers(layer.Key.Block) + ".") + layer.Key.Layer, groups, kept, layer.First().Count, layer.ToEquatableArray());
        }
    }

    private static PrunedStructure Blocks(ParameterLayout layout, int kept)
    {
        var slots = layout.Slots.Where(slot => slot.Block.Length > 0).ToList();
        var axes = slots.SelectMany(Parts).Select(part => Axis(part, byColumns: false, scale: 1));
        return new(PrunedPartKind.Layers, slots[0].Block, slots[0].Sets, kept, 1, axes.ToEquatableArray());
    }

    /// <summary>The dimensions that are smaller in a model of other sizes.</summary>
    private static IEnumerable<PrunedAxis> Axes(ModelSpec spec, ParameterLayout layout, PrunedSizesSpec to, double normScale)
    {
        var smaller = RemovePruned.Resize(spec, to);
        var graph = GraphBuilder.Build(smaller);
        foreach (var pass in new Pass[] { new InferShapes(), new ShareParameters(), new PackProjections() }) graph = pass.Run(graph, smaller);
        var shapes = ParameterLayout.Of(graph).Slots.SelectMany(Parts).ToDictionary(part => (part.Slot.Block, part.Part.Name), part => (part.Part.Rows.Value, part.Columns));
        foreach (var part in layout.Slots.SelectMany(Parts))
        {
            var (rows, columns) = shapes[(part.Slot.Block, part.Part.Name)];
            if (rows < part.Part.Rows.Value) yield return Axis(part, byColumns: false, part.Part.Init.Kind == InitKind.Ones ? normScale : 1);
            if (columns < part.Columns) yield return Axis(part, byColumns: true, scale: 1);
        }
    }

    private static PrunedAxis Axis((ParameterSlot Slot, ParameterPart Part, long Offset, long Columns) of, bool byColumns, double scale) => new(
        of.Slot.Block, of.Slot.Parameter.Name, of.Part.Name, of.Offset, of.Slot.Stride, of.Slot.Sets, of.Part.Rows.Value, of.Columns, byColumns, scale);

    /// <summary>What lies in a slot: parts, their first elements, and the columns of a matrix, 1 for a vector.</summary>
    private static IEnumerable<(ParameterSlot Slot, ParameterPart Part, long Offset, long Columns)> Parts(ParameterSlot slot)
    {
        var (offset, columns) = (slot.Offset, slot.Parameter.IsMatrix ? slot.Parameter.Type.Last.Value : 1);
        foreach (var part in slot.Parameter.Parts)
        {
            yield return (slot, part, offset, columns);
            offset += part.Rows.Value * columns;
        }
    }

    /// <summary>mlp of mlp.up.weight.</summary>
    private static string Layer(string part)
    {
        var segments = part.Split('.');
        return string.Join(".", segments.Take(segments.Length - 2));
    }

    private static IEnumerable<LayerSpec> Within(LayerSpec layer) => new[] { layer }.Concat((layer switch
    {
        RepeatLayer repeat => repeat.Layers,
        ResidualLayer residual => residual.Layers,
        TwoBranchLayer branches => branches.Left.Concat(branches.Right),
        _ => Enumerable.Empty<LayerSpec>(),
    }).SelectMany(Within));
}
