using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Rounding;

/// <summary>Each weight to the nearest integer, under the scale of its group that makes the squared error least.</summary>
internal sealed class NearestRounding : IWeightRounding
{
    /// <summary>Scales that are tried: the largest weight's, down to this share of it.</summary>
    private const int Candidates = 20;

    private const float SmallestShare = 0.7f;

    public RoundedWeight Round(string layer, Tensor weight, RoundingGrid grid)
    {
        using var host = weight.to(CPU).contiguous();
        var (rows, columns) = ((int)host.size(0), (int)host.size(1));
        var groups = (columns + grid.Group - 1) / grid.Group;
        var rounded = new RoundedWeight(new sbyte[rows * columns], new float[rows * groups], groups);
        var values = OnnxBuilder.Floats(host).ToArray();
        Parallel.For(0, rows, row =>
        {
            for (var g = 0; g < groups; g++)
            {
                var start = (row * columns) + (g * grid.Group);
                var part = values.AsSpan(start, Math.Min(grid.Group, columns - (g * grid.Group)));
                var scale = rounded.Scales[(row * groups) + g] = Scale(part, grid);
                for (var i = 0; i < part.Length; i++) rounded.Codes[start + i] = grid.Code(part[i], scale);
            }
        });
        return rounded;
    }

    /// <summary>The scale with the least squared error; negative where the largest value is positive, since the integers reach one further below zero.</summary>
    public static float Scale(ReadOnlySpan<float> values, RoundingGrid grid)
    {
        var largest = 0f;
        foreach (var value in values)
            if (MathF.Abs(value) > MathF.Abs(largest)) largest = value;
        if (largest == 0) return 0;
        var full = largest / grid.Smallest;
        var (best, least) = (full, float.PositiveInfinity);
        for (var candidate = 0; candidate < Candidates; candidate++)
        {
            var scale = full * (1 - ((1 - SmallestShare) * candidate / (Candidates - 1)));
            var error = 0f;
            foreach (var value in values)
            {
                var difference = value - (grid.Code(value, scale) * scale);
                error += difference * difference;
            }

            if (error < least) (best, least) = (scale, error);
        }

        return best;
    }
}
