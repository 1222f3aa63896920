using System.Numerics;
using System.Runtime.InteropServices;
using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Rounding;

/// <summary>
/// GPTQ (Frantar et al. 2023): columns are rounded one after the other, and what rounding one changes in the layer's output is made up
/// for by the columns that follow, by the second moments of the layer's inputs. Columns with the largest moments first (activation
/// order), under scales of the original weights; damping 0.01.
/// </summary>
/// <param name="moments">fp32 [K, K] of each layer: the sum of x · xᵀ over calibration text.</param>
internal sealed class GptqRounding(IReadOnlyDictionary<string, Tensor> moments) : IWeightRounding
{
    private const double Damping = 0.01;

    public RoundedWeight Round(string layer, Tensor weight, RoundingGrid grid)
    {
        using var scope = NewDisposeScope();
        var second = moments[layer].to(ScalarType.Float64);
        var columns = (int)second.size(0);
        var order = second.diag().argsort(descending: true);
        var permuted = second.index_select(0, order).index_select(1, order);
        var damped = permuted + (eye(columns, dtype: ScalarType.Float64) * Math.Max(permuted.diag().mean().item<double>() * Damping, 1e-8));
        // The upper Cholesky factor of the inverse: its row j holds what column j's error costs the columns after it.
        var factor = linalg.cholesky(linalg.inv(damped)).t().contiguous().to(ScalarType.Float32);
        var inverse = OnnxBuilder.Floats(factor).ToArray();
        var sequence = order.data<long>().ToArray();

        var rounded = new NearestRounding().Round(layer, weight, grid);
        using var host = weight.to(CPU).contiguous();
        var values = OnnxBuilder.Floats(host).ToArray();
        Parallel.For(0, (int)host.size(0), row => RoundRow(
            values.AsSpan(row * columns, columns), sequence, inverse, rounded.Scales.AsSpan(row * rounded.Groups, rounded.Groups), grid,
            rounded.Codes.AsSpan(row * columns, columns)));
        return rounded;
    }

    private static void RoundRow(
        ReadOnlySpan<float> row, long[] order, float[] factor, ReadOnlySpan<float> scales, RoundingGrid grid, Span<sbyte> codes)
    {
        var columns = row.Length;
        var left = new float[columns]; // in the order of rounding
        for (var j = 0; j < columns; j++) left[j] = row[(int)order[j]];
        for (var j = 0; j < columns; j++)
        {
            var column = (int)order[j];
            var scale = scales[column / grid.Group];
            codes[column] = grid.Code(left[j], scale);
            var error = (left[j] - (codes[column] * scale)) / factor[(j * columns) + j];
            Subtract(left.AsSpan(j + 1), factor.AsSpan((j * columns) + j + 1, columns - j - 1), error);
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
