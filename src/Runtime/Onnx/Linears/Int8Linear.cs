using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx.Linears;

/// <summary>
/// Weights in bytes, a scale for each row, and activations that are quantized to 8 bits as they come (ONNX Runtime's
/// DynamicQuantizeMatMul): integer products. The weights use 7 of the 8 bits: processors without VNNI add two products in 16 bits, which
/// 8 would overflow, silently.
/// </summary>
internal sealed class Int8Linear(IWeightRounding rounding) : ILinearForm
{
    private const int Bits = 7;

    public string Write(OnnxBuilder builder, string name, string x, Tensor weight, Tensor? bias)
    {
        var codes = builder.Once(name + ".weight", weight, "int8", () =>
        {
            var (rows, columns) = ((int)weight.size(0), (int)weight.size(1));
            var rounded = rounding.Round(name, weight, new RoundingGrid(Bits, columns));
            var turned = new sbyte[rounded.Codes.Length]; // [K, M]
            for (var row = 0; row < rows; row++)
                for (var column = 0; column < columns; column++)
                    turned[(column * rows) + row] = rounded.Codes[(row * columns) + column];
            builder.Constant<float>(Scales(name + ".weight"), DataType.Float, rounded.Scales, rows);
            return builder.Constant<sbyte>(name + ".weight", DataType.Int8, turned, columns, rows);
        });
        List<string> inputs = [x, codes, Scales(codes)];
        if (bias is not null) inputs.AddRange(["", builder.Weight(name + ".bias", bias)]);
        return builder.Node("DynamicQuantizeMatMul", OnnxBuilder.Microsoft, name, inputs);
    }

    private static string Scales(string codes) => codes + ".scales";
}
