using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Replaces a parameter that shares another's storage by that one, so that Differentiate accumulates its gradient.
/// Before: parameter head.weight shares embedding.weight; linear(norm, head.weight). After: linear(norm, embedding.weight).
/// </summary>
public sealed class ShareParameters : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec) => graph.MapFunctions(Share);

    private static Function Share(Function function)
    {
        var shared = function.Parameters.Where(p => p.SharedWith is not null).ToDictionary(p => p.Name, p => p.SharedWith!);
        if (shared.Count == 0) return function;
        foreach (var pair in shared)
        {
            var (mine, theirs) = (function.Parameter(pair.Key).Type, function.Parameter(pair.Value).Type);
            if (!mine.SameShape(theirs)) throw new GraphException($"'{pair.Key}' {mine} cannot share '{pair.Value}' {theirs}");
        }
        return function with
        {
            Parameters = function.Parameters.Where(p => p.SharedWith is null).ToEquatableArray(),
            Nodes = function.Nodes.Select(node => node with
            {
                Inputs = node.Inputs.Select(i => shared.TryGetValue(i, out var target) ? target : i).ToEquatableArray(),
            }).ToEquatableArray(),
        };
    }
}
