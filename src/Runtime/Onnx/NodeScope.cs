using ModelCompiler.Runtime.Onnx.Messages;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>Adds the nodes and constants of one layer and returns their names, which begin with the layer's.</summary>
/// <param name="Builder">Where they go.</param>
/// <param name="Prefix">What their names begin with.</param>
internal readonly record struct NodeScope(OnnxBuilder Builder, string Prefix)
{
    /// <summary>The name of one of the layer's values.</summary>
    public string this[string what] => Prefix + what;

    /// <summary>A node of the ONNX standard with one result.</summary>
    public string Op(string op, string what, params ReadOnlySpan<string> inputs) => Builder.Node(op, "", Prefix + what, inputs.ToArray());

    /// <inheritdoc cref="Op(string, string, ReadOnlySpan{string})"/>
    public string Op(string op, string what, AttributeProto attribute, params ReadOnlySpan<string> inputs) =>
        Builder.Node(op, "", Prefix + what, inputs.ToArray(), attribute);

    /// <summary>The same with its dimensions in another order.</summary>
    public string Transpose(string what, string x, params ReadOnlySpan<long> order) => Op("Transpose", what, OnnxBuilder.Attribute("perm", order), x);

    /// <summary>Whole numbers, [n].</summary>
    public string Ints(string what, params ReadOnlySpan<long> values) => Builder.Constant(Prefix + what, DataType.Int64, values, values.Length);

    /// <summary>A number without dimensions.</summary>
    public string Scalar(string what, long value) => Builder.Constant<long>(Prefix + what, DataType.Int64, [value]);

    /// <inheritdoc cref="Scalar(string, long)"/>
    public string Scalar(string what, float value) => Builder.Constant<float>(Prefix + what, DataType.Float, [value]);
}
