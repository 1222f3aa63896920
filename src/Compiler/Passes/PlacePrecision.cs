using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Under <c>precision: bf16</c> or <c>fp16</c> every parameter whose ops allow it is read from a copy of that type, and activations
/// follow.
/// Masters, optimizer state, norms' weights and statistics, the loss and gradients of parameters stay fp32
/// (Micikevicius et al. 2018; Kalamkar et al. 2019).
/// </summary>
public sealed class PlacePrecision : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec) => spec.Efficiency.Precision.Compute == Precision.Fp32
        ? graph
        : InferShapes.Infer(graph.MapFunctions(function => Place(function, Of(spec.Efficiency.Precision.Compute))));

    /// <summary>The element type of a precision in the graph.</summary>
    public static DType Of(Precision precision) => precision switch
    {
        Precision.Bf16 => DType.BF16,
        Precision.Fp16 => DType.F16,
        _ => DType.F32,
    };

    private static Function Place(Function function, DType compute)
    {
        var full = new HashSet<string>(
            from node in function.Nodes
            where !OpTable.IsRepeat(node)
            from index in Enumerable.Range(0, node.Inputs.Count)
            where OpTable.Find(node.Op).KeepsFullPrecision(index)
            select node.Inputs[index]);
        return function with
        {
            Parameters = function.Parameters
                .Select(p => full.Contains(p.Name) ? p : p with { Type = p.Type.With(compute) }).ToEquatableArray(),
        };
    }
}
