using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Adds a linear layer's bias where its result is read: the activation or the residual sum that follows does it in registers,
/// where libtorch's product would write the bias into the whole result first and read it again. Runs before Differentiate, so
/// that the backward pass reads the product without bias, and the activation's gradient sums that of the bias as it goes.
/// Before: b = add_bias(p, bias); y = gelu(b). After: y = gelu(p, bias). What no such op reads is left to Fuse.
/// </summary>
public sealed class FoldBiases : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec) => graph.MapFunctions(Fold);

    private static Function Fold(Function function)
    {
        var nodes = function.Nodes.ToList();
        foreach (var bias in function.Nodes.Where(n => n.Op == "add_bias"))
        {
            var value = bias.Outputs[0].Name;
            var readers = nodes.Where(n => n.Inputs.Contains(value)).ToList();
            if (readers.Count != 1 || function.Outputs.Contains(value) || Folded(readers[0], bias) is not { } folded) continue;
            nodes[nodes.IndexOf(readers[0])] = folded;
            nodes.Remove(bias);
        }
        return function with { Nodes = nodes.ToEquatableArray() };
    }

    private static Node? Folded(Node reader, Node bias)
    {
        var value = bias.Outputs[0].Name;
        var takes = OpTable.IsRepeat(reader) ? 0
            : OpTable.Find(reader.Op) is Pointwise ? 1
            : reader.Op == "add" ? 2 : 0;
        if (takes == 0 || reader.Inputs.Count != takes || reader.Inputs.Count(i => i == value) != 1) return null;
        return reader with { Inputs = reader.Inputs.Select(i => i == value ? bias.Inputs[0] : i).Append(bias.Inputs[1]).ToEquatableArray() };
    }
}
