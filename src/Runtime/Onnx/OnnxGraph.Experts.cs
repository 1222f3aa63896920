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
        var (scope, experts) = (Scoped(name) + ".", logits.Width);
        string Ints(string what, params ReadOnlySpan<long> values) => Builder.Constant(scope + what, DataType.Int64, values, values.Length);
        string Node(string op, string what, params string[] inputs) => Builder.Node(op, "", scope + what, inputs);

        var probabilities = Builder.Node("Softmax", "", scope + "probabilities", [logits.Name], OnnxBuilder.Attribute("axis", -1));
        Builder.Node("TopK", "", [probabilities, Ints("k", topK)], [scope + "chosen", scope + "experts"], OnnxBuilder.Attribute("axis", -1));
        var gates = topK == 1
            ? scope + "chosen"
            : Node("Div", "gates", scope + "chosen", Node("ReduceSum", "sum", scope + "chosen", Ints("sum.axis", -1)));

        // Sorted by expert, equal ones in their order; then the inverse of that order.
        var flat = Node("Reshape", "flat", scope + "experts", Ints("all", -1));
        var count = Node("Shape", "count", flat);
        Builder.Node("TopK", "", [flat, count], [scope + "sorted", scope + "order"], OnnxBuilder.Attribute("largest", 0));
        var numbers = Node(
            "Range", "numbers", Builder.Constant<long>(scope + "zero", DataType.Int64, [0]), Node("Squeeze", "number", count),
            Builder.Constant<long>(scope + "one", DataType.Int64, [1]));
        var inverse = Node("ScatterElements", "inverse", numbers, scope + "order", numbers);
        var slots = Node("Reshape", "slots", inverse, Node("Shape", "shape", scope + "experts"));

        // How many choices fall on an expert below each: [choices, 1] < [E + 1].
        long[] bounds = [.. Enumerable.Range(0, experts + 1)];
        var below = Node("Less", "below", Node("Unsqueeze", "column", flat, Ints("column.axis", 1)), Ints("bounds", bounds));
        var counted = Builder.Node("Cast", "", scope + "counted", [below], OnnxBuilder.Attribute("to", (long)DataType.Int64));
        var offsets = Builder.Node("ReduceSum", "", scope + "offsets", [counted, Ints("offsets.axis", 0)], OnnxBuilder.Attribute("keepdims", 0));
        return (new(gates, topK), new(probabilities, experts), new(slots, topK), new(scope + "order", 1), new(offsets, experts + 1));
    }

    /// <summary>The rows of the experts, [rows, C].</summary>
    public OnnxValue Dispatch(string name, OnnxValue x, OnnxValue sources, int topK)
    {
        var scope = Scoped(name) + ".";
        var flat = Builder.Node("Reshape", "", scope + "flat", [x.Name, Builder.Constant(scope + "shape", DataType.Int64, [-1L, x.Width], 2)]);
        var positions = Builder.Node("Div", "", scope + "positions", [sources.Name, Builder.Constant<long>(scope + "k", DataType.Int64, [topK])]);
        return Node("Gather", name, x.Width, flat, positions);
    }

    /// <summary>Each expert's rows times its own rows of the weight.</summary>
    /// <param name="weight">[E·M, K]</param>
    public OnnxValue ExpertLinear(string name, OnnxValue rows, Tensor weight, OnnxValue offsets, int experts)
    {
        var (scope, width) = (Scoped(name) + ".", (int)weight.size(0) / experts);
        var axis = Builder.Constant(scope + "axis", DataType.Int64, [0L], 1);
        string Bound(int expert) => Builder.Constant(scope + Number(expert), DataType.Int64, [(long)expert], 1);
        string Offset(string bound) => Builder.Node("Gather", "", bound + ".offset", [offsets.Name, bound]);
        string[] bounds = [.. Enumerable.Range(0, experts + 1).Select(expert => Offset(Bound(expert)))];
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
        var scope = Scoped(name) + ".";
        string Axis(string what, long value) => Builder.Constant(scope + what, DataType.Int64, [value], 1);
        var chosen = Builder.Node("Gather", "", scope + "chosen", [rows.Name, slots.Name]);
        var weighted = Builder.Node("Mul", "", scope + "weighted", [chosen, Builder.Node("Unsqueeze", "", scope + "gates", [gates.Name, Axis("last", 3)])]);
        return new(Builder.Node("ReduceSum", "", Scoped(name), [weighted, Axis("choices", 2)], OnnxBuilder.Attribute("keepdims", 0)), rows.Width);
    }
}
