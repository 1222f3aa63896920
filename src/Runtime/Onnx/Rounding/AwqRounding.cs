using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Rounding;

/// <summary>
/// The clipping of AWQ (Lin et al. 2023, in the published code): of 20 scales for each group, from that of the whole range down to half of
/// it, the one with the least error of the group's part of the layer's output. Channels have been scaled before, by <see cref="Equalization"/>.
/// </summary>
/// <param name="moments">fp32 [K, K] of each layer: the sum of x · xᵀ over calibration text.</param>
internal sealed class AwqRounding(IReadOnlyDictionary<string, Tensor> moments) : GroupwiseRounding
{
    private const int Candidates = 20;

    private const float SmallestShare = 0.5f;

    protected override Choose Chooser(string layer, int columns, RoundingGrid grid)
    {
        // The blocks of the moments along the diagonal: what the inputs of a group have in common.
        using var scope = NewDisposeScope();
        var groups = Enumerable.Range(0, (columns + grid.Group - 1) / grid.Group).Select(group =>
        {
            var (start, length) = (group * grid.Group, Math.Min(grid.Group, columns - (group * grid.Group)));
            return OnnxBuilder.Floats(moments[layer].narrow(0, start, length).narrow(1, start, length).contiguous()).ToArray();
        }).ToArray();
        return (values, start) => Scale(values, groups[start / grid.Group], grid);
    }

    private static GroupScale Scale(ReadOnlySpan<float> values, float[] moments, RoundingGrid grid)
    {
        var (best, least) = (default(GroupScale), float.PositiveInfinity);
        var errors = new float[values.Length];
        for (var candidate = 0; candidate < Candidates; candidate++)
        {
            var scale = grid.Cover(values, 1 - ((1 - SmallestShare) * candidate / Candidates));
            for (var i = 0; i < values.Length; i++) errors[i] = values[i] - grid.Round(values[i], scale);
            var error = 0f;
            for (var i = 0; i < values.Length; i++)
                error += errors[i] * Dot(errors, moments.AsSpan(i * values.Length, values.Length));
            if (error < least) (best, least) = (scale, error);
        }

        return best;
    }
    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var left = MemoryMarshal.Cast<float, Vector<float>>(a);
        var right = MemoryMarshal.Cast<float, Vector<float>>(b);
        var sums = Vector<float>.Zero;
        for (var i = 0; i < left.Length; i++) sums += left[i] * right[i];
        var sum = Vector.Sum(sums);
        for (var i = left.Length * Vector<float>.Count; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
