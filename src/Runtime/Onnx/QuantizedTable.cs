using ModelCompiler.Runtime.Onnx.Linears;
using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// A table of embeddings in few bits, with a scale for each group of a row (ONNX Runtime's GatherBlockQuantized). It gives zeros for an id
/// out of range without a word: ids are checked before a run.
/// </summary>
/// <param name="bits">4 or 8.</param>
/// <param name="group">Values that share a scale: 16, 32, 64, 128 or 256.</param>
internal sealed class QuantizedTable(int bits, int group)
{
    /// <summary>Writes the rows of a table by token id, and returns their name.</summary>
    /// <param name="builder">The graph.</param>
    /// <param name="name">Of the layer and its result.</param>
    /// <param name="ids">Token ids.</param>
    /// <param name="weight">fp32 [V, C]</param>
    public string Write(OnnxBuilder builder, string name, string ids, Tensor weight)
    {
        var (rows, columns) = ((int)weight.size(0), (int)weight.size(1));
        var codes = builder.Once(name + ".weight", weight, $"table{bits}", () =>
        {
            var rounded = new NearestRounding().Round(name, weight, new RoundingGrid(bits, group));
            builder.Constant<float>(name + ".weight.scales", DataType.Float, rounded.Scales, rows, rounded.Scales.Length / rows);
            return builder.Constant<byte>(
                name + ".weight", DataType.Uint8, PackedCodes.Pack(rounded.Codes, rows, columns, columns, bits), rows, PackedCodes.Bytes(columns, bits));
        });
        return builder.Node(
            "GatherBlockQuantized", OnnxBuilder.Microsoft, name, [codes, ids, codes + ".scales"],
            OnnxBuilder.Attribute("bits", bits), OnnxBuilder.Attribute("block_size", group),
            OnnxBuilder.Attribute("gather_axis", 0), OnnxBuilder.Attribute("quantize_axis", 1));
    }
}
