using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

public sealed partial class OnnxGraph
{
    /// <summary>Rows of a table by token id.</summary>
    /// <param name="weight">[V, C]</param>
    public OnnxValue Embedding(string name, OnnxValue tokens, Tensor weight) =>
        _shared.Forms.Embeddings is { } table
            ? new(table.Write(Builder, Scoped(name), tokens.Name, weight), (int)weight.size(1))
            : Node("Gather", name, (int)weight.size(1), Builder.Weight(Scoped(name) + ".weight", weight), tokens.Name);

    /// <summary>The vector of each position, added.</summary>
    /// <param name="weight">[context, C]</param>
    public OnnxValue AddPosition(string name, OnnxValue x, Tensor weight)
    {
        var rows = Builder.Node("Gather", "", Scoped(name) + ".rows", [Builder.Weight(Scoped(name) + ".weight", weight), Positions()]);
        return Node("Add", name, x.Width, x.Name, rows);
    }

    /// <summary>The sum of two values of one shape.</summary>
    public OnnxValue Add(string name, OnnxValue a, OnnxValue b)
    {
        var sum = Node("Add", name, a.Width, a.Name, b.Name);
        _shared.Sum = sum.Name;
        return sum;
    }

    public OnnxValue Multiply(string name, OnnxValue a, OnnxValue b) => Node("Mul", name, a.Width, a.Name, b.Name);

    /// <param name="bias">[C]</param>
    public OnnxValue AddBias(string name, OnnxValue x, Tensor bias)
    {
        Scales(Scoped(name), x, bias: bias);
        return Node("Add", name, x.Width, x.Name, Builder.Weight(Scoped(name) + ".bias", bias));
    }

    /// <summary>x · weightᵀ + bias, in the form that the export's quantization gives the layer.</summary>
    /// <param name="weight">[M, K]</param>
    /// <param name="bias">[M]</param>
    public OnnxValue Linear(string name, OnnxValue x, Tensor weight, Tensor? bias)
    {
        var layer = Scoped(name);
        _shared.LinearLayers.Add(new(layer, x, weight.alias().DetachFromDisposeScope()));
        Scales(layer, weight, bias);
        return new(_shared.Forms.Linears.Of(layer, repeated: _scope.Length > 0).Write(Builder, layer, x.Name, weight, bias), (int)weight.size(0));
    }

    /// <summary>Layer normalization (Ba et al. 2016).</summary>
    /// <param name="weight">[C]</param>
    /// <param name="bias">[C]</param>
    public OnnxValue LayerNorm(string name, OnnxValue x, Tensor weight, Tensor? bias, double epsilon)
    {
        Scales(Scoped(name), weight, bias);
        List<string> inputs = [x.Name, Builder.Weight(Scoped(name) + ".weight", weight)];
        if (bias is not null) inputs.Add(Builder.Weight(Scoped(name) + ".bias", bias));
        return x with { Name = Builder.Node("LayerNormalization", "", Scoped(name), inputs, OnnxBuilder.Attribute("axis", -1), OnnxBuilder.Attribute("epsilon", epsilon)) };
    }

    /// <summary>Root-mean-square normalization (Zhang and Sennrich 2019).</summary>
    /// <param name="weight">[C]</param>
    public OnnxValue RmsNorm(string name, OnnxValue x, Tensor weight, double epsilon)
    {
        Scales(Scoped(name), weight);
        return x with { Name = RmsNorm(Scoped(name), x.Name, Builder.Weight(Scoped(name) + ".weight", weight), epsilon) };
    }

    public OnnxValue Gelu(string name, OnnxValue x) => Node("Gelu", name, x.Width, x.Name);

    public OnnxValue GeluTanh(string name, OnnxValue x) =>
        x with { Name = Builder.Node("Gelu", "", Scoped(name), [x.Name], OnnxBuilder.Attribute("approximate", "tanh")) };

    public OnnxValue Silu(string name, OnnxValue x) => x with { Name = Silu(Scoped(name), x.Name) };

    public OnnxValue Relu(string name, OnnxValue x)
    {
        Scales(Scoped(name), x); // scales are positive
        return Node("Relu", name, x.Width, x.Name);
    }

    public OnnxValue ReluSquared(string name, OnnxValue x)
    {
        var relu = Builder.Node("Relu", "", Scoped(name) + ".relu", [x.Name]);
        return Node("Mul", name, x.Width, relu, relu);
    }

    /// <summary>x times a constant.</summary>
    public OnnxValue Scale(string name, OnnxValue x, double factor) =>
        Node("Mul", name, x.Width, x.Name, Inner(name).Scalar("factor", (float)factor));

    /// <summary>cap · tanh(x / cap)</summary>
    public OnnxValue Softcap(string name, OnnxValue x, double cap)
    {
        var scope = Inner(name);
        var limit = scope.Scalar("cap", (float)cap);
        var bent = scope.Op("Tanh", "tanh", scope.Op("Div", "share", x.Name, limit));
        return Node("Mul", name, x.Width, bent, limit);
    }

    /// <summary>silu(gate) · up of x = [gate, up] (Shazeer 2020).</summary>
    public OnnxValue Swiglu(string name, OnnxValue x)
    {
        var (gate, up, width) = (Scoped(name) + ".gate", Scoped(name) + ".up", x.Width / 2);
        Split([gate, up], x.Name, [width, width]);
        Scales(Scoped(name), x, start: width);
        return Node("Mul", name, width, Silu(gate + ".silu", gate), up);
    }

    /// <summary>Values side by side.</summary>
    public OnnxValue Concat(string name, params OnnxValue[] parts) => new(
        Builder.Node("Concat", "", Scoped(name), parts.Select(part => part.Name), OnnxBuilder.Attribute("axis", -1)), parts.Sum(part => part.Width));

    /// <summary>Columns start to start + width.</summary>
    public OnnxValue Slice(string name, OnnxValue x, int start, int width)
    {
        var scope = Inner(name);
        return Node("Slice", name, width, x.Name, scope.Ints("start", start), scope.Ints("end", start + width), scope.Ints("axis", 2));
    }

    /// <summary>A sum that was added last is joined with its norm: one node gives both.</summary>
    private string RmsNorm(string output, string x, string weight, double epsilon)
    {
        if (_shared.IsStandard) return StandardRmsNorm(output, x, weight, epsilon);
        if (x != _shared.Sum || Builder.TakeBack(x) is not [var first, var second])
            return Builder.Node("SimplifiedLayerNormalization", "", output, [x, weight], OnnxBuilder.Attribute("axis", -1), OnnxBuilder.Attribute("epsilon", epsilon));
        Builder.Node("SkipSimplifiedLayerNormalization", OnnxBuilder.Microsoft, [first, second, weight], [output, "", "", x], OnnxBuilder.Attribute("epsilon", epsilon));
        return output;
    }

    private string Silu(string output, string x) =>
        Builder.Node("Mul", "", output, [x, Builder.Node("Sigmoid", "", output + ".sigmoid", [x])]);

    private void Split(string[] outputs, string x, long[] widths) => Builder.Node(
        "Split", "", [x, Builder.Constant(outputs[0] + ".widths", DataType.Int64, widths, widths.Length)], outputs, OnnxBuilder.Attribute("axis", -1));
}
