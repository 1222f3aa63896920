using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Merges nodes whose kernels do the work of both in one go. A new fusion is one rule in <see cref="Rules"/>.
/// Before: p = linear(x, w); y = add_bias(p, b). After: y = linear(x, w, b).
/// </summary>
public sealed class Fuse : Pass
{
    private delegate Node? Rule(Node producer, Node consumer);

    private static readonly IReadOnlyList<Rule> Rules = [LinearBias];

    public override Graph Run(Graph graph, ModelSpec spec) => graph.MapFunctions(FuseFunction);

    private static Function FuseFunction(Function function)
    {
        var nodes = function.Nodes.ToList();
        for (var i = 0; i < nodes.Count; i++)
        {
            var value = nodes[i].Outputs[0].Name;
            var kept = function.Outputs.Contains(value) || function.Saved.Any(s => s.Name == value);
            var readers = nodes.Where(n => n.Inputs.Contains(value)).ToList();
            if (kept || readers.Count != 1) continue;
            if (Rules.Select(rule => rule(nodes[i], readers[0])).FirstOrDefault(n => n is not null) is not { } fused) continue;
            nodes[nodes.IndexOf(readers[0])] = fused;
            nodes.RemoveAt(i--);
        }
        return function with { Nodes = nodes.ToEquatableArray() };
    }

    private static Node? LinearBias(Node producer, Node consumer) =>
        producer.Op == "linear" && producer.Inputs.Count == 2 && consumer.Op == "add_bias" && consumer.Inputs[0] == producer.Outputs[0].Name
            ? consumer with { Op = "linear", Inputs = producer.Inputs.Append(consumer.Inputs[1]).ToEquatableArray() }
            : null;
}
