using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx.Linears;

/// <summary>
/// Weights of 4 or 2 bits with a scale for each group of a row, and a zero point where the grid is not symmetric (ONNX Runtime's
/// MatMulNBits), whose products are calculated in 8 bits (accuracy level 4: the fast one, and for 2 bits the only one that is not very slow).
/// </summary>
/// <param name="rounding">Chooses codes and scales.</param>
/// <param name="grid">Bits; and weights that share a scale: 16, 32, 64, 128 or 256.</param>
internal sealed class PackedLinear(IWeightRounding rounding, RoundingGrid grid) : ILinearForm
{
    private const int AccuracyLevel = 4;

    public string Write(OnnxBuilder builder, string name, string x, Tensor weight, Tensor? bias)
    {
        var (rows, columns) = ((int)weight.size(0), (int)weight.size(1));
        var codes = builder.Once(name + ".weight", weight, $"int{grid.Bits}", () =>
        {
            var rounded = rounding.Round(name, weight, grid);
            var groups = rounded.Scales.Length / rows;
            builder.Constant<float>(Scales(name + ".weight"), DataType.Float, rounded.Scales, rows * groups);
            if (!grid.Symmetric)
                builder.Constant<byte>(Zeros(name + ".weight"), DataType.Uint8, PackedCodes.Pack(rounded.Zeros, rows, groups, groups, grid.Bits), rows, PackedCodes.Bytes(groups, grid.Bits));
            return builder.Constant<byte>(
                name + ".weight", DataType.Uint8, PackedCodes.Pack(rounded.Codes, rows, columns, groups * grid.Group, grid.Bits),
                rows, groups, PackedCodes.Bytes(grid.Group, grid.Bits));
        });
        List<string> inputs = [x, codes, Scales(codes), grid.Symmetric ? "" : Zeros(codes)];
        if (bias is not null) inputs.AddRange(["", builder.Weight(name + ".bias", bias)]);
        else if (grid.Symmetric) inputs.RemoveAt(3);
        return builder.Node(
            "MatMulNBits", OnnxBuilder.Microsoft, name, inputs,
            OnnxBuilder.Attribute("K", columns), OnnxBuilder.Attribute("N", rows), OnnxBuilder.Attribute("bits", grid.Bits),
            OnnxBuilder.Attribute("block_size", grid.Group), OnnxBuilder.Attribute("accuracy_level", AccuracyLevel));
    }

    private static string Scales(string codes) => codes + ".scales";

    private static string Zeros(string codes) => codes + ".zeros";
}
