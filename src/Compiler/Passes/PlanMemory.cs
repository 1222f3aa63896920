using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Gives every activation its place in one arena, by liveness over the joint forward and backward program. A function's
/// scratch is planned within the function; main sees a block as buffers of its own: the saved slots, the scratch, the
/// residual stream between layers (the inputs of segments apart from those within one). The gradient that flows back stays where it is
/// where each layer can work in place; else it alternates between two buffers.
/// </summary>
public sealed class PlanMemory : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec)
    {
        var main = graph.Main;
        var blocks = main.Nodes.Where(n => n.Op == "repeat").Select(n => Shape(graph, n)).ToList();

        var external = main.Inputs.Select(i => i.Name).Concat(main.GradientSlots().Keys).Concat(blocks.SelectMany(b => b.Again));
        var inPlace = new HashSet<Node>(blocks.Where(b => b.InPlace.Count > 0).Select(b => main.Nodes[Backpropagation(main, b.Repeat)]));
        var buffers = FunctionLifetimes.Of(
            main, [.. external], blocks.SelectMany(b => b.LateReads(graph)), null,
            (node, k) => OpTable.IsRepeat(node) ? inPlace.Contains(node) : OpTable.Find(node.Op).InPlace(k));
        var lifetimes = buffers.Lifetimes.Concat(blocks.SelectMany(b => b.Lifetimes(main))).ToList();
        var (offsets, bytes) = OffsetAllocator.Place(lifetimes);
        var plan = new MemoryPlan(
            buffers.Placements(offsets).Concat(blocks.SelectMany(b => b.First(offsets))).ToEquatableArray(), blocks.Select(b => b.Memory(offsets)).ToEquatableArray(), bytes,
            lifetimes.Where(l => l.Bytes > 0).SelectMany(l => l.Ranges, (l, range) => new MemoryPart(l.Name, l.Bytes, range.First, range.Last)).ToEquatableArray());
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
        var scratchForward = Scratch(FunctionLifetimes.Of(forward, [.. carried, .. saved.Select(s => s.Name)], []));
        var (buffers, inPlace) = Backward(graph.Main, repeat, backward);
        var scratchBackward = Scratch(buffers);
        return new BlockShape(
            repeat, segments, forward.Inputs[0].Type!.Bytes,
            saved.Select(s => new Placement(s.Name, savedOffsets[s.Name], s.Type!.Bytes)).ToEquatableArray(), slot,
            scratchForward.Placements, scratchBackward.Placements, Math.Max(scratchForward.Bytes, scratchBackward.Bytes), inPlace.ToEquatableArray());
    }

    private static (EquatableArray<Placement> Placements, long Bytes) Scratch(FunctionLifetimes buffers)
    {
        var (offsets, bytes) = OffsetAllocator.Place(buffers.Lifetimes);
        return (buffers.Placements(offsets).ToEquatableArray(), bytes);
    }

    /// <summary>The buffers of a backward function, and what lies where the gradient comes in, if what goes out does.</summary>
    private static (FunctionLifetimes Buffers, IEnumerable<string> InPlace) Backward(Function main, Node repeat, Function backward)
    {
        var (incoming, outgoing) = (backward.Inputs[0].Name, backward.Outputs[0]);
        string[] external = [.. backward.Saved.Select(s => s.Name), .. backward.GradientSlots().Keys];
        if (IsLastReader(main, Backpropagation(main, repeat)))
        {
            var buffers = FunctionLifetimes.Of(backward, [.. external], [], overwritten: incoming);
            var values = buffers.In(incoming).ToList();
            if (values.Contains(outgoing)) return (buffers, values);
        }
        return (FunctionLifetimes.Of(backward, [.. external, incoming, outgoing], []), []);
    }

    /// <summary>Whether nothing of main reads the gradient that a block's backward pass begins with after it, so that it may be overwritten.</summary>
    private static bool IsLastReader(Function main, int backward)
    {
        var incoming = main.Nodes[backward].Inputs[0];
        return !main.Outputs.Contains(incoming) && main.Nodes.Take(backward).Any(n => n.Outputs.Any(o => o.Name == incoming))
            && !main.Nodes.Skip(backward + 1).Any(n => n.Inputs.Contains(incoming));
    }

    private static int Backpropagation(Function main, Node repeat) =>
        main.Nodes.ToList().FindIndex(n => n.Op == "repeat_backward" && n.Attributes == repeat.Attributes);

    /// <summary>The sizes of a block's buffers, and where main needs them.</summary>
    private sealed record BlockShape(
        Node Repeat, Segments Segments, long CarryBytes, EquatableArray<Placement> Saved, long SlotBytes,
        EquatableArray<Placement> Forward, EquatableArray<Placement> Backward, long ScratchBytes, EquatableArray<string> InPlace)
    {
        private string Name => Segments.Block;

        /// <summary>The block's backward pass reads its input again and, where an op needs it, its output.</summary>
        public IEnumerable<(string Value, int Index)> LateReads(Graph graph)
        {
            var backward = Backpropagation(graph.Main, Repeat);
            if (Segments.Again.Count == 0) yield return (Repeat.Inputs[0], backward);
            var forward = graph.Block(Name);
            if (forward.Saved.Any(s => s.Name == forward.Outputs[0])) yield return (Repeat.Outputs[0].Name, backward);
        }

        /// <summary>Values of main on the way to the first segment's input, all in the last boundary.</summary>
        public IEnumerable<string> Again => Segments.Again.Select(n => n.Outputs[0].Name);

        public IEnumerable<Placement> First(Dictionary<string, long> offsets) =>
            Again.Select(value => new Placement(value, offsets[Name + ".boundaries"] + ((Segments.Count - 2) * OffsetAllocator.Align(CarryBytes)), CarryBytes));

        public IEnumerable<Lifetime> Lifetimes(Function main)
        {
            var forward = main.Nodes.ToList().IndexOf(Repeat);
            var first = Segments.Again.Count > 0 ? main.Nodes.ToList().IndexOf(Segments.Again[0]) : forward;
            var backward = Backpropagation(main, Repeat);
            yield return new(Name + ".saved", SlotBytes * Segments.Longest, forward, backward);
            yield return new(Name + ".scratch", ScratchBytes, forward, backward) { OnlyAtEnds = true };
            yield return new(Name + ".stream", OffsetAllocator.Align(CarryBytes) * (Segments.Longest - 1), forward, backward);
            yield return new(Name + ".boundaries", OffsetAllocator.Align(CarryBytes) * (Segments.Count - 1), first, backward);
            yield return new(Name + ".gradients", InPlace.Count > 0 ? 0 : 2 * OffsetAllocator.Align(CarryBytes), backward, backward);
        }

        public BlockMemory Memory(Dictionary<string, long> offsets) => new(
            Name, Saved, offsets[Name + ".saved"], SlotBytes, Segments.Longest, Forward, Backward, offsets[Name + ".scratch"], ScratchBytes,
            offsets[Name + ".stream"], offsets[Name + ".boundaries"], offsets[Name + ".gradients"], OffsetAllocator.Align(CarryBytes), InPlace);
    }
}
