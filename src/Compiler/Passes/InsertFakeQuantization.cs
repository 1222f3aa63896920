using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Under <c>quantization: { method: qat }</c> the weights of linear layers are read as they will be exported: rounded, in a copy that is
/// made once after each update rather than at each product (Jacob et al. 2018). Gradients go to the masters as if nothing had been rounded
/// (straight-through, Bengio et al. 2013), which is what the gradient of a product gives already. A tied head's matrix is rounded for the
/// embedding too. Which layers are kept is decided where the copy is made, by the patterns that the export has.
/// Before: parameter w = .. ; y = linear(x, w). After: parameter w = .. quantized as y; y = linear(x, w).
/// </summary>
public sealed class InsertFakeQuantization : Pass
{
    private const string Path = "efficiency.quantization.method";

    public override Graph Run(Graph graph, ModelSpec spec)
    {
        if (spec.Efficiency.Quantization is not { Method: RoundingMethod.Qat } quantization) return graph;
        var kept = quantization.Keep.Select(pattern => new LayerPattern(pattern)).ToList();
        return graph.MapFunctions(function => function with
        {
            Parameters = function.Parameters.Select(parameter => Mark(function, parameter, spec.Efficiency.Precision.Compute, kept)).ToEquatableArray(),
        });
    }

    private static Parameter Mark(Function function, Parameter parameter, Precision compute, List<LayerPattern> kept)
    {
        if (function.Nodes.FirstOrDefault(n => n.Op is "linear" or "expert_linear" && n.Inputs[1] == parameter.Name) is not { } linear) return parameter;
        // The layer has the name of what it gives: with the bias, where it has one.
        var result = function.Nodes.FirstOrDefault(n => n.Op == "add_bias" && n.Inputs[0] == linear.Outputs[0].Name) ?? linear;
        var layer = LayerNames.Of(function, result);
        if (kept.Any(pattern => pattern.Matches(layer))) return parameter;
        if (parameter.Type.DType != PlacePrecision.Of(compute))
            throw new PassException(DiagnosticCatalog.QuantizationTraining.At(Path,
                $"'{layer}' computes in fp32 under 'precision: {{ fp32 }}' and reads the master weights, so it cannot learn to be rounded; add it to 'keep', or take it out of 'fp32'"));
        return parameter with { Quantized = result.Outputs[0].Name };
    }
}
