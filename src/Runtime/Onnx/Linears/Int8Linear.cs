using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx.Linears;

/// <summary>
/// Weights in bytes, a scale for each row, and activations that are quantized to 8 bits, as they come (ONNX Runtime's
/// DynamicQuantizeMatMul) or by a range that was measured before: integer products. The weights use 7 of the 8 bits: processors without
/// VNNI add two products in 16 bits, which 8 would overflow, silently.
/// </summary>
/// <param name="rounding">Chooses codes and scales.</param>
/// <param name="range">The range of a layer's input by the layer's name; null for that of each product.</param>
internal sealed class Int8Linear(IWeightRounding rounding, Func<string, (float Least, float Most)>? range) : ILinearForm
{
    public string Write(OnnxBuilder builder, string name, string x, Tensor weight, Tensor? bias)
    {
        var codes = builder.Once(name + ".weight", weight, "int8", () =>
        {
            var (rows, columns) = ((int)weight.size(0), (int)weight.size(1));
            var rounded = rounding.Round(name, weight, Grid(columns));
            var turned = new sbyte[rounded.Codes.Length]; // [K, M]
            for (var row = 0; row < rows; row++)
                for (var column = 0; column < columns; column++)
                    turned[(column * rows) + row] = rounded.Codes[(row * columns) + column];
            builder.Constant<float>(Scales(name + ".weight"), DataType.Float, rounded.Scales, rows);
            return builder.Constant<sbyte>(name + ".weight", DataType.Int8, turned, columns, rows);
        });
        var addend = bias is null ? null : builder.Weight(name + ".bias", bias);
        return range is null
            ? builder.Node("DynamicQuantizeMatMul", OnnxBuilder.Microsoft, name, addend is null ? [x, codes, Scales(codes)] : [x, codes, Scales(codes), "", addend])
            : WriteStatic(builder, name, x, codes, addend, range(name));
    }

    /// <summary>The integers of a row of K weights.</summary>
    public static RoundingGrid Grid(int columns) => new(Bits: 7, columns);

    private static string WriteStatic(OnnxBuilder builder, string name, string x, string codes, string? bias, (float Least, float Most) range)
    {
        var (least, most) = (Math.Min(0, range.Least), Math.Max(0, range.Most));
        var size = most > least ? (most - least) / byte.MaxValue : 1;
        var scale = builder.Constant<float>(name + ".input.scale", DataType.Float, [size]);
        var zero = builder.Constant<byte>(name + ".input.zero", DataType.Uint8, [(byte)Math.Clamp(MathF.Round(-least / size), 0, byte.MaxValue)]);
        var input = builder.Node("QuantizeLinear", "", name + ".input", [x, scale, zero]);
        List<string> inputs = [input, codes, scale, Scales(codes), zero];
        if (bias is not null) inputs.AddRange(["", bias]);
        return builder.Node("MatMulIntegerToFloat", OnnxBuilder.Microsoft, name, inputs);
    }

    private static string Scales(string codes) => codes + ".scales";
}
