using ModelCompiler.Runtime.Onnx.Linears;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// Mixtures of experts in plain operators: choices are sorted by expert, and each expert multiplies its own rows, of which there may be
/// none. ONNX Runtime's own operator for them knows fewer kinds of experts and computes fp32 no faster.
/// </summary>
public sealed partial class OnnxGraph
{
    /// <summary>The logits of experts, [batch, sequence, E]; never quantized, for small differences decide.</summary>
    /// <param name="weight">[E, C]</param>
    public OnnxValue Router(string name, OnnxValue x, Tensor weight) =>
        new(new Fp32Linear().Write(Builder, Scoped(name), x.Name, weight, null), (int)weight.size(0));

    /// <summary>Chooses the k most probable experts of each position and sorts the choices by expert. None is dropped.</summary>
    /// <returns>
    /// Gates [batch, sequence, k], probabilities [batch, sequence, E], int64 the row of each choice [batch, sequence, k], the choice of each
    /// row [rows], and where the rows of each expert begin and end [E + 1].
    /// </returns>
    public (OnnxValue Gates, OnnxValue Probabilities, OnnxValue Slots, OnnxValue Sources, OnnxValue Offsets) Route(string name, OnnxValue logits, int topK)
    {
        var (scope, experts) = (Inner(name), logits.Width);
        var probabilities = scope.Op("Softmax", "probabilities", OnnxBuilder.Attribute("axis", -1), logits.Name);
        Builder.Node("TopK", "", [probabilities, scope.Ints("k", topK)], [scope["chosen"], scope["experts"]], OnnxBuilder.Attribute("axis", -1));
        var gates = topK == 1
            ? scope["chosen"]
            : scope.Op("Div", "gates", scope["chosen"], scope.Op("ReduceSum", "sum", scope["chosen"], scope.Ints("sum.axis", -1)));

        // Sorted by expert, equal ones in their order; then the inverse of that order.
        var flat = scope.Op("Reshape", "flat", scope["experts"], scope.Ints("all", -1));
        var count = scope.Op("Shape", "count", flat);
        Builder.Node("TopK", "", [flat, count], [scope["sorted"], scope["order"]], OnnxBuilder.Attribute("largest", 0));
        var numbers = scope.Op("Range", "numbers", scope.Scalar("zero", 0), scope.Op("Squeeze", "number", count), scope.Scalar("one", 1));
        var inverse = scope.Op("ScatterElements", "inverse", numbers, scope["order"], numbers);
        var slots = scope.Op("Reshape", "slots", inverse, scope.Op("Shape", "shape", scope["experts"]));

        // How many choices fall on an expert below each: [choices, 1] < [E + 1].
        long[] bounds = [.. Enumerable.Range(0, experts + 1)];
        var below = scope.Op("Less", "below", scope.Op("Unsqueeze", "column", flat, scope.Ints("column.axis", 1)), scope.Ints("bounds", bounds));
        var counted = scope.Op("Cast", "counted", OnnxBuilder.Attribute("to", (long)DataType.Int64), below);
        var offsets = scope.Op("ReduceSum", "offsets", OnnxBuilder.Attribute("keepdims", 0), counted, scope.Ints("offsets.axis", 0));
        return (new(gates, topK), new(probabilities, experts), new(slots, topK), new(scope["order"], 1), new(offsets, experts + 1));
    }

    /// <summary>The rows of the experts, [rows, C].</summary>
    public OnnxValue Dispatch(string name, OnnxValue x, OnnxValue sources, int topK)
    {
        var scope = Inner(name);
        var flat = scope.Op("Reshape", "flat", x.Name, scope.Ints("shape", -1, x.Width));
        var positions = scope.Op("Div", "positions", sources.Name, scope.Scalar("k", topK));
        return Node("Gather", name, x.Width, flat, positions);
    }

    /// <summary>Each expert's rows times its own rows of the weight.</summary>
    /// <param name="weight">[E·M, K]</param>
    public OnnxValue ExpertLinear(string name, OnnxValue rows, Tensor weight, OnnxValue offsets, int experts)
    {
        var (scope, width) = (Inner(name), (int)weight.size(0) / experts);
        var axis = scope.Ints("axis", 0);
        string Offset(string bound) => Builder.Node("Gather", "", bound + ".offset", [offsets.Name, bound]);
        string[] bounds = [.. Enumerable.Range(0, experts + 1).Select(expert => Offset(scope.Ints(Number(expert), expert)))];
        var products = Enumerable.Range(0, experts).Select(expert =>
        {
            var part = $"{name}.expert.{Number(expert)}";
            var own = Builder.Node("Slice", "", Scoped(part) + ".rows", [rows.Name, bounds[expert], bounds[expert + 1], axis]);
            return Linear(part, rows with { Name = own }, weight.narrow(0, (long)expert * width, width), null).Name;
        });
        return new(Builder.Node("Concat", "", Scoped(name), [.. products], OnnxBuilder.Attribute("axis", 0)), width);
    }

    /// <summary>The sum over each position's choices of gate times row.</summary>
    public OnnxValue Combine(string name, OnnxValue rows, OnnxValue gates, OnnxValue slots)
    {
        var scope = Inner(name);
        var chosen = scope.Op("Gather", "chosen", rows.Name, slots.Name);
        var weighted = scope.Op("Mul", "weighted", chosen, scope.Op("Unsqueeze", "gates", gates.Name, scope.Ints("last", 3)));
        return new(Builder.Node("ReduceSum", "", Scoped(name), [weighted, scope.Ints("choices", 2)], OnnxBuilder.Attribute("keepdims", 0)), rows.Width);
    }
}
