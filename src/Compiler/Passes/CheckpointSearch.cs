using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Solves <c>checkpoint: { budget }</c>: the least recomputation whose memory plan fits. A block has few values that cost
/// a matrix product, so all sets of them to repeat are tried, with all lengths of segments; of these only the
/// Pareto-optimal ones in bytes, an estimate of the backward pass's scratch among them, and FLOPs are planned, in ascending order of FLOPs, until one fits. The choice is thus the
/// optimum over uniform choices (every layer of a block alike), under the cost model of Checkmate (Jain et al. 2020), with
/// the segments of Chen et al. 2016; the plan that decides is the very plan that the program runs with. Of models with so many blocks that
/// their choices are more than can be combined, only those stay that are Pareto-optimal whatever their segments.
/// </summary>
internal static class CheckpointSearch
{
    /// <summary>Sets of more values than this are not enumerated; the smallest values are then kept.</summary>
    private const int MostValues = 10;

    /// <summary>Combinations of the choices of several blocks that are looked at.</summary>
    private const int MostCombinations = 20_000;

    /// <summary>What it keeps, what the backward pass works with besides, and what that computes again.</summary>
    private interface ICost
    {
        public long Bytes { get; }

        public long Scratch { get; }

        public long Flops { get; }
    }

    private sealed record Choice(string Block, Rematerialization Repeat, int Every, int Times, long Bytes, long Scratch, long Flops) : ICost;

    /// <summary>A choice for each block, of which one at a time needs its scratch.</summary>
    private sealed record Combination(Combination? Before, Choice? Last, long Bytes, long Scratch, long Flops) : ICost
    {
        public static Combination None { get; } = new(null, null, 0, 0, 0);

        public IEnumerable<Choice> Choices => Before is null ? [] : Before.Choices.Append(Last!);

        public Combination With(Choice choice) => new(this, choice, Bytes + choice.Bytes, Math.Max(Scratch, choice.Scratch), Flops + choice.Flops);
    }

    /// <exception cref="PassException">MC3001, with the least that is possible.</exception>
    public static Graph Find(Graph graph, ModelSpec spec, long budget)
    {
        var combinations = Product(graph.Main.Nodes.Where(n => n.Op == "repeat").Select(n => Choices(graph, spec, n)));
        var least = long.MaxValue;
        foreach (var combination in combinations.OrderBy(c => c.Flops))
        {
            // What blocks keep is less than the whole plan: no need to plan what is too large already.
            if (combination.Bytes > Math.Min(budget, least)) continue;
            var candidate = Apply(graph, combination.Choices);
            var bytes = Plan(candidate, spec);
            if (bytes <= budget) return candidate;
            least = Math.Min(least, bytes);
        }
        foreach (var combination in combinations.OrderBy(c => c.Bytes).TakeWhile(c => c.Bytes < least))
            least = Math.Min(least, Plan(Apply(graph, combination.Choices), spec));
        throw new PassException(DiagnosticCatalog.CheckpointBudget.At(
            "efficiency.checkpoint.budget",
            $"no recomputation fits activations into {new ByteSize(budget)}; the least possible is {new ByteSize(least)} "
            + $"({least} bytes): raise the budget, or lower training.batch or architecture.context"));
    }

    /// <summary>Of the arena, in which a teacher that runs beside its student has its part.</summary>
    private static long Plan(Graph graph, ModelSpec spec)
    {
        var bytes = Pipelines.Placement.Aggregate(graph, (planned, pass) => pass.Run(planned, spec)).Memory!.Bytes;
        return graph.Teacher?.ArenaBytes(bytes) ?? bytes;
    }

    private static Graph Apply(Graph graph, IEnumerable<Choice> choices)
    {
        foreach (var choice in choices)
            graph = Segmentation.Divide(choice.Repeat.Apply(graph), choice.Block, Segmentation.Every(choice.Every, choice.Times));
        return graph;
    }

    private static List<Choice> Choices(Graph graph, ModelSpec spec, Node repeat)
    {
        var (name, times) = (repeat.Attributes.String("block"), repeat.Attributes.Int("times"));
        var forward = graph.Block(name);
        var (pass, backward) = (new ForwardPass(forward), new BackwardPass(graph.Block(FunctionNames.Backward(name)), HalveMlp.Of(graph, name, spec)));
        var costly = forward.Nodes.Where(n => !Rematerialization.IsCheap(n)).Select(n => n.Outputs[0].Name)
            .OrderByDescending(pass.Bytes).Take(MostValues).ToList();
        var (carry, whole) = (forward.Inputs[0].Type!.Bytes, forward.Nodes.Sum(pass.Flops));

        var all = new List<Choice>();
        for (var set = 0; set < 1 << costly.Count; set++)
        {
            var repeated = Rematerialization.With(pass, [.. costly.Where((_, i) => (set & (1 << i)) != 0)]);
            var (slot, flops, flopsOfKept) = (repeated.KeptBytes + carry, repeated.Flops, repeated.FlopsOfKept);
            var scratch = backward.Scratch(repeated);
            for (var every = 1; every <= times; every++)
            {
                var ends = (times - 1) / every; // segments but for the last, which is not computed again
                var again = (((ends * every) - ends) * whole) + (ends * flopsOfKept);
                all.Add(new(name, repeated, every, times, (every * slot) + (ends * carry), scratch, again + (times * flops)));
            }
        }

        // Of one length of segments: between lengths the scratch differs in what only a plan tells.
        return [.. all.GroupBy(c => c.Every).SelectMany(Frontier)];
    }

    /// <summary>Those that no other is as good as in FLOPs, in what is kept and in that with the scratch: at its peak a plan has scratch or none.</summary>
    private static IEnumerable<T> Frontier<T>(IEnumerable<T> choices)
        where T : ICost
    {
        var (kept, all) = (long.MaxValue, long.MaxValue);
        foreach (var choice in choices.OrderBy(c => c.Flops).ThenBy(c => c.Bytes + c.Scratch))
        {
            if (choice.Bytes >= kept && choice.Bytes + choice.Scratch >= all) continue;
            (kept, all) = (Math.Min(kept, choice.Bytes), Math.Min(all, choice.Bytes + choice.Scratch));
            yield return choice;
        }
    }

    private static List<Combination> Product(IEnumerable<List<Choice>> lists)
    {
        List<Combination> product = [Combination.None];
        foreach (var list in lists)
        {
            var choices = list;
            if ((long)product.Count * choices.Count > MostCombinations) (product, choices) = ([.. Frontier(product)], [.. Frontier(choices)]);
            product = [.. product.SelectMany(_ => choices, (before, choice) => before.With(choice))];
        }
        return product;
    }
}
