using ModelCompiler.Compiler.Distillation;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Places the values of a forward pass that no backward pass follows: nothing is kept but what main returns. Layers share their
/// scratch, and what goes from layer to layer alternates between two buffers.
/// </summary>
internal static class PlanForward
{
    /// <param name="graph">The forward pass.</param>
    /// <param name="sites">What is kept of layers.</param>
    public static ForwardPlan Of(Graph graph, TeacherSites? sites)
    {
        var (main, end) = (graph.Main, 0L);
        long Keep(TensorType type)
        {
            var start = end;
            end += OffsetAllocator.Align(type.Bytes);
            return start;
        }

        var kept = main.Outputs.Select(output => new Placement(output, Keep(main.Types()[output]), main.Types()[output].Bytes)).ToList();
        var layers = new List<KeptLayer>();
        foreach (var layer in sites?.KeptLayers ?? [])
        {
            // The output of the last layer is a value of main.
            var repeat = graph.Repeat(sites!.Block);
            var of = new KeptLayer(layer, Keep(repeat.Outputs[0].Type!));
            layers.Add(of);
            if (layer == graph.Times(sites.Block) - 1) kept.Add(new(repeat.Outputs[0].Name, of.Offset, repeat.Outputs[0].Type!.Bytes));
        }

        long? packed = sites?.Packed is { } value ? Keep(graph.Block(sites.Block).Types()[value]) : null;
        var buffers = FunctionLifetimes.Of(main, [.. main.Inputs.Select(i => i.Name), .. kept.Select(k => k.Value)], []);
        var blocks = main.Nodes.Select((node, index) => (node, index)).Where(n => n.node.Op == "repeat")
            .Select(n => Shape(graph.Block(n.node.Attributes.String("block")), n.index)).ToList();
        var (offsets, bytes) = OffsetAllocator.Place(buffers.Lifetimes.Concat(blocks.SelectMany(b => b.Lifetimes)));
        return new ForwardPlan(
            buffers.Placements(offsets).ToEquatableArray(), blocks.Select(b => b.Place(offsets)).ToEquatableArray(), kept.ToEquatableArray(), bytes, end)
        {
            Layers = layers.ToEquatableArray(),
            Packed = packed,
        };
    }

    private static BlockShape Shape(Function block, int index)
    {
        var scratch = FunctionLifetimes.Of(block, [block.Inputs[0].Name, block.Outputs[0]], []);
        var (offsets, bytes) = OffsetAllocator.Place(scratch.Lifetimes);
        return new(block.Name, index, scratch.Placements(offsets).ToEquatableArray(), bytes, OffsetAllocator.Align(block.Inputs[0].Type!.Bytes));
    }

    private sealed record BlockShape(string Name, int Index, EquatableArray<Placement> Scratch, long ScratchBytes, long CarryBytes)
    {
        public IEnumerable<Lifetime> Lifetimes =>
            [new(Name + ".scratch", ScratchBytes, Index, Index), new(Name + ".stream", 2 * CarryBytes, Index, Index)];

        public ForwardBlock Place(Dictionary<string, long> offsets) =>
            new(Name, Scratch, offsets[Name + ".scratch"], offsets[Name + ".stream"], CarryBytes);
    }
}
