using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Rounding;

/// <summary>
/// GPTQ (Frantar et al. 2023): columns are rounded one after the other, and what rounding one changes in the layer's output is made up
/// for by the columns that follow, by the second moments of the layer's inputs; by blocks of 128, whose errors go to the columns after the
/// block in one product. Scales are those of the original weights, by <see cref="NearestRounding"/>. A weight of zero stays zero, so that
/// pruned weights stay pruned; what the columns before it have asked of it is passed on.
/// </summary>
/// <param name="moments">fp32 [K, K] of each layer: the sum of x · xᵀ over calibration text.</param>
/// <param name="damping">Share of the moments' mean diagonal that is added to it.</param>
/// <param name="activationOrder">Whether columns with the largest moments come first.</param>
internal sealed class GptqRounding(IReadOnlyDictionary<string, Tensor> moments, double damping = 0.01, bool activationOrder = true) : IWeightRounding
{
    private const int Block = 128;

    public RoundedWeight Round(string layer, Tensor weight, RoundingGrid grid)
    {
        using var scope = NewDisposeScope();
        var rounded = new NearestRounding().Round(layer, weight, grid);
        var second = moments[layer].to(ScalarType.Float64);
        var columns = (int)second.size(0);
        var order = activationOrder ? second.diag().argsort(descending: true) : arange(columns);
        var factor = SecondMoments.InverseFactor(second.index_select(0, order).index_select(1, order), damping);
        bool[] pruned = [.. (weight.to(CPU) == 0).contiguous().data<bool>()];
        var left = weight.to(CPU).index_select(1, order).contiguous();
        var sequence = order.data<long>().ToArray();
        for (var start = 0; start < columns; start += Block)
        {
            var length = Math.Min(Block, columns - start);
            var inner = OnnxBuilder.Floats(factor.narrow(0, start, length).narrow(1, start, length).contiguous()).ToArray();
            var part = OnnxBuilder.Floats(left.narrow(1, start, length).contiguous()).ToArray(); // [M, length]
            Parallel.For(0, (int)left.size(0), row => RoundRow(part.AsSpan(row * length, length), sequence.AsSpan(start, length), inner, rounded, pruned, row, columns, grid));
            if (start + length == columns) break;
            var errors = tensor(part, [left.size(0), length]); // RoundRow has left them there
            left.narrow(1, start + length, columns - start - length)
                .sub_(errors.mm(factor.narrow(0, start, length).narrow(1, start + length, columns - start - length)));
        }

        return rounded;
    }

    /// <summary>Rounds a row of a block, and leaves the errors in the place of its values.</summary>
    private static void RoundRow(
        Span<float> row, ReadOnlySpan<long> sequence, float[] factor, RoundedWeight rounded, bool[] pruned, int index, int columns, RoundingGrid grid)
    {
        var groups = rounded.Scales.Length / (rounded.Codes.Length / columns);
        for (var j = 0; j < row.Length; j++)
        {
            var column = (int)sequence[j];
            var scale = rounded.Scale((index * groups) + (column / grid.Group));
            var value = pruned[(index * columns) + column] ? 0 : row[j];
            rounded.Codes[(index * columns) + column] = grid.Code(value, scale);
            row[j] = (row[j] - grid.Round(value, scale)) / factor[(j * row.Length) + j];
            Subtract(row[(j + 1)..], factor.AsSpan((j * row.Length) + j + 1, row.Length - j - 1), row[j]);
        }
    }

    /// <summary>values −= factor · direction</summary>
    private static void Subtract(Span<float> values, ReadOnlySpan<float> direction, float factor)
    {
        var wide = MemoryMarshal.Cast<float, Vector<float>>(values);
        var steps = MemoryMarshal.Cast<float, Vector<float>>(direction);
        for (var i = 0; i < wide.Length; i++) wide[i] -= steps[i] * factor;
        for (var i = wide.Length * Vector<float>.Count; i < values.Length; i++) values[i] -= direction[i] * factor;
    }
}
