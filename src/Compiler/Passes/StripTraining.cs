using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Turns the training forward pass into that of inference: no dropout, no loss, no targets, no memory of earlier segments,
/// whose keys and values the cache still has; main returns the logits.
/// Before: d, m = dropout(x); y = linear(d, w); loss = cross_entropy(y, targets). After: y = linear(x, w).
/// </summary>
public sealed class StripTraining : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec) => graph.MapFunctions(Strip);

    private static Function Strip(Function function)
    {
        var replaced = new Dictionary<string, string>();
        string Resolve(string value) => replaced.TryGetValue(value, out var target) ? target : value;
        var recalled = new HashSet<string>();
        var nodes = new List<Node>();
        var outputs = function.Outputs;
        foreach (var node in function.Nodes)
        {
            var inputs = node.Inputs.Select(Resolve).Where(i => node.Op != "relative_attention" || !recalled.Contains(i)).ToEquatableArray();
            if (node.Op == "recall" || inputs.Any(recalled.Contains)) recalled.UnionWith(node.Outputs.Select(o => o.Name));
            else if (node.Op == "dropout") replaced[node.Outputs[0].Name] = inputs[0];
            else if (node.Op == "cross_entropy") outputs = EquatableArray.Of(inputs[0]);
            else if (node.Op != ErrorNorm.OpName) nodes.Add(node with { Inputs = inputs });
        }
        return function with
        {
            Inputs = function.Inputs.Where(i => i.Name is not (GraphBuilder.Targets or GraphBuilder.Weights)).ToEquatableArray(),
            Nodes = nodes.ToEquatableArray(),
            Outputs = outputs.Select(Resolve).ToEquatableArray(),
        };
    }
}
