using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Gives every activation its place in one arena, by liveness over the joint forward and backward program. A function's
/// scratch is planned within the function; main sees a block as buffers of its own: the saved slots, the scratch, the
/// residual stream between layers (the inputs of segments apart from those within one), and the gradient that flows back,
/// which alternates between two buffers.
/// </summary>
public sealed class PlanMemory : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec)
    {
        var main = graph.Main;
        var blocks = main.Nodes.Where(n => n.Op == "repeat").Select(n => Shape(graph, n)).ToList();

        var external = main.Inputs.Select(i => i.Name).Concat(main.GradientSlots().Keys);
        var buffers = FunctionLifetimes.Of(main, [.. external], blocks.SelectMany(b => b.LateReads(graph)));
        var lifetimes = buffers.Lifetimes.Concat(blocks.SelectMany(b => b.Lifetimes(main))).ToList();
        var (offsets, bytes) = OffsetAllocator.Place(lifetimes);
        var plan = new MemoryPlan(
            buffers.Placements(offsets).ToEquatableArray(), blocks.Select(b => b.Memory(offsets)).ToEquatableArray(), bytes,
            lifetimes.Where(l => l.Bytes > 0).Select(l => new MemoryPart(l.Name, l.Bytes, l.First, l.Last)).ToEquatableArray());
        return graph with { Memory = plan };
    }

    private static BlockShape Shape(Graph graph, Node repeat)
    {
        var name = repeat.Attributes.String("block");
        var forward = graph.Block(name);
        var backward = graph.Block(FunctionNames.Backward(name));
        var times = repeat.Attributes.Int("times");
        var segments = graph.Segments.FirstOrDefault(s => s.Block == name) ?? new Segments(name, EquatableArray.Of(0, times));

        var carried = new[] { forward.Inputs[0].Name, forward.Outputs[0] };
        var saved = forward.Saved.Where(s => !carried.Contains(s.Name)).ToList();
        var (savedOffsets, slot) = OffsetAllocator.Place(saved.Select(s => new Lifetime(s.Name, s.Type!.Bytes, 0, 0)));
        var scratchForward = Scratch(forward, carried.Concat(saved.Select(s => s.Name)));
        var scratchBackward = Scratch(
            backward, backward.Saved.Select(s => s.Name).Concat(backward.GradientSlots().Keys)
                .Concat([backward.Inputs[0].Name, backward.Outputs[0]]));
        return new BlockShape(
            repeat, segments, forward.Inputs[0].Type!.Bytes,
            saved.Select(s => new Placement(s.Name, savedOffsets[s.Name], s.Type!.Bytes)).ToEquatableArray(), slot,
            scratchForward.Placements, scratchBackward.Placements, Math.Max(scratchForward.Bytes, scratchBackward.Bytes));
    }

    private static (EquatableArray<Placement> Placements, long Bytes) Scratch(Function function, IEnumerable<string> external)
    {
        var buffers = FunctionLifetimes.Of(function, [.. external], []);
        var (offsets, bytes) = OffsetAllocator.Place(buffers.Lifetimes);
        return (buffers.Placements(offsets).ToEquatableArray(), bytes);
    }

    /// <summary>The sizes of a block's buffers, and where main needs them.</summary>
    private sealed record BlockShape(
        Node Repeat, Segments Segments, long CarryBytes, EquatableArray<Placement> Saved, long SlotBytes,
        EquatableArray<Placement> Forward, EquatableArray<Placement> Backward, long ScratchBytes)
    {
        private string Name => Segments.Block;

        /// <summary>The block's backward pass reads its input again and, where an op needs it, its output.</summary>
        public IEnumerable<(string Value, int Index)> LateReads(Graph graph)
        {
            var backward = Backpropagation(graph.Main);
            yield return (Repeat.Inputs[0], backward);
            var forward = graph.Block(Name);
            if (forward.Saved.Any(s => s.Name == forward.Outputs[0])) yield return (Repeat.Outputs[0].Name, backward);
        }

        public IEnumerable<Lifetime> Lifetimes(Function main)
        {
            var forward = main.Nodes.ToList().IndexOf(Repeat);
            var backward = Backpropagation(main);
            yield return new(Name + ".saved", SlotBytes * Segments.Longest, forward, backward);
            yield return new(Name + ".scratch", ScratchBytes, forward, backward);
            yield return new(Name + ".stream", OffsetAllocator.Align(CarryBytes) * (Segments.Longest - 1), forward, backward);
            yield return new(Name + ".boundaries", OffsetAllocator.Align(CarryBytes) * (Segments.Count - 1), forward, backward);
            yield return new(Name + ".gradients", 2 * OffsetAllocator.Align(CarryBytes), backward, backward);
        }

        public BlockMemory Memory(Dictionary<string, long> offsets) => new(
            Name, Saved, offsets[Name + ".saved"], SlotBytes, Segments.Longest, Forward, Backward, offsets[Name + ".scratch"], ScratchBytes,
            offsets[Name + ".stream"], offsets[Name + ".boundaries"], offsets[Name + ".gradients"], OffsetAllocator.Align(CarryBytes));

        private int Backpropagation(Function main) =>
            main.Nodes.ToList().FindIndex(n => n.Op == "repeat_backward" && n.Attributes == Repeat.Attributes);
    }
}
