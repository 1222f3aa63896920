using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx.Linears;

/// <summary>
/// Weights of 4 bits with a scale for each group of a row (ONNX Runtime's MatMulNBits), whose products are calculated in 8 bits
/// (accuracy level 4, the fast one).
/// </summary>
/// <param name="rounding">Chooses codes and scales.</param>
/// <param name="group">Weights that share a scale: 16, 32, 64, 128 or 256.</param>
internal sealed class Int4Linear(IWeightRounding rounding, int group) : ILinearForm
{
    private const int Bits = 4, Zero = 8, AccuracyLevel = 4;

    public string Write(OnnxBuilder builder, string name, string x, Tensor weight, Tensor? bias)
    {
        var (rows, columns) = ((int)weight.size(0), (int)weight.size(1));
        var codes = builder.Once(name + ".weight", weight, "int4", () =>
        {
            var rounded = rounding.Round(name, weight, new RoundingGrid(Bits, group));
            var groups = rounded.Groups;
            builder.Constant<float>(Scales(name + ".weight"), DataType.Float, rounded.Scales, rows * groups);
            return builder.Constant<byte>(name + ".weight", DataType.Uint8, Pack(rounded.Codes, rows, columns, groups), rows, groups, group / 2);
        });
        List<string> inputs = [x, codes, Scales(codes)];
        if (bias is not null) inputs.AddRange(["", "", builder.Weight(name + ".bias", bias)]);
        return builder.Node(
            "MatMulNBits", OnnxBuilder.Microsoft, name, inputs,
            OnnxBuilder.Attribute("K", columns), OnnxBuilder.Attribute("N", rows), OnnxBuilder.Attribute("bits", Bits),
            OnnxBuilder.Attribute("block_size", group), OnnxBuilder.Attribute("accuracy_level", AccuracyLevel));
    }

    private static string Scales(string codes) => codes + ".scales";

    /// <summary>Two codes a byte, the first in the low half; the last group of a row is filled up with zeros.</summary>
    private byte[] Pack(sbyte[] codes, int rows, int columns, int groups)
    {
        var packed = new byte[rows * groups * group / 2];
        Array.Fill(packed, (byte)(Zero | (Zero << 4)));
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                ref var pair = ref packed[((row * groups * group) + column) / 2];
                var code = codes[(row * columns) + column] + Zero;
                pair = (byte)(column % 2 == 0 ? (pair & 0xF0) | code : (pair & 0x0F) | (code << 4));
            }
        }

        return packed;
    }
}
