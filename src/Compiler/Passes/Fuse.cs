using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Merges nodes whose kernels do the work of both in one go. A new fusion is one rule in <see cref="Rules"/>.
/// Before: p = linear(x, w); y = add_bias(p, b). After: y = linear(x, w, b).
/// Before: g = rms_norm_grad(dn, ..); d = add(dy, g), where a residual goes round a norm. After: d = rms_norm_grad(dn, .., dy).
/// </summary>
public sealed class Fuse : Pass
{
    private delegate Node? Rule(Node producer, Node consumer);

    private static readonly IReadOnlyList<Rule> Rules = [LinearBias, NormGradResidual];

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

    private static Node? NormGradResidual(Node producer, Node consumer)
    {
        var at = producer.Op switch { "layer_norm_grad" => LayerNormGrad.Addend, "rms_norm_grad" => RmsNormGrad.Addend, _ => 0 };
        var gradient = producer.Outputs[0].Name;
        if (at == 0 || producer.Inputs.Count > at || consumer.Op != "add" || consumer.Inputs.Count != 2) return null;
        var other = consumer.Inputs[0] == gradient ? consumer.Inputs[1] : consumer.Inputs[0];
        if (other == gradient) return null;
        var inputs = producer.Inputs.Concat(Enumerable.Repeat("", at - producer.Inputs.Count)).Append(other);
        return producer with { Inputs = inputs.ToEquatableArray(), Outputs = consumer.Outputs.Concat(producer.Outputs.Skip(1)).ToEquatableArray() };
    }
}
