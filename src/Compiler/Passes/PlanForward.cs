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
    public static ForwardPlan Of(Graph graph)
    {
        var main = graph.Main;
        var (kept, keptBytes) = Kept(main);
        var buffers = FunctionLifetimes.Of(main, [.. main.Inputs.Select(i => i.Name), .. main.Outputs], []);
        var blocks = main.Nodes.Select((node, index) => (node, index)).Where(n => n.node.Op == "repeat")
            .Select(n => Shape(graph.Block(n.node.Attributes.String("block")), n.index)).ToList();
        var (offsets, bytes) = OffsetAllocator.Place(buffers.Lifetimes.Concat(blocks.SelectMany(b => b.Lifetimes)));
        return new ForwardPlan(
            buffers.Placements(offsets).ToEquatableArray(), blocks.Select(b => b.Place(offsets)).ToEquatableArray(), kept, bytes, keptBytes);
    }

    private static (EquatableArray<Placement> Places, long Bytes) Kept(Function main)
    {
        var (types, places, end) = (main.Types(), new List<Placement>(), 0L);
        foreach (var output in main.Outputs)
        {
            places.Add(new(output, end, types[output].Bytes));
            end += OffsetAllocator.Align(types[output].Bytes);
        }
        return (places.ToEquatableArray(), end);
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
