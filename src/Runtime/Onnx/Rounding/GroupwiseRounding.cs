using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Rounding;

/// <summary>Each weight to the nearest integer under its group's scale, which is chosen from the group alone.</summary>
internal abstract class GroupwiseRounding : IWeightRounding
{
    public RoundedWeight Round(string layer, Tensor weight, RoundingGrid grid)
    {
        using var host = weight.to(CPU).contiguous();
        var (rows, columns) = ((int)host.size(0), (int)host.size(1));
        var groups = (columns + grid.Group - 1) / grid.Group;
        var rounded = new RoundedWeight(new sbyte[rows * columns], new float[rows * groups], new sbyte[rows * groups]);
        var values = OnnxBuilder.Floats(host).ToArray();
        var choose = Chooser(layer, columns, grid);
        Parallel.For(0, rows, row =>
        {
            for (var group = 0; group < groups; group++)
            {
                var start = group * grid.Group;
                var part = values.AsSpan((row * columns) + start, Math.Min(grid.Group, columns - start));
                var scale = choose(part, start);
                (rounded.Scales[(row * groups) + group], rounded.Zeros[(row * groups) + group]) = (scale.Scale, (sbyte)scale.Zero);
                for (var i = 0; i < part.Length; i++) rounded.Codes[(row * columns) + start + i] = grid.Code(part[i], scale);
            }
        });
        return rounded;
    }

    /// <param name="values">A group.</param>
    /// <param name="start">Its first column.</param>
    protected delegate GroupScale Choose(ReadOnlySpan<float> values, int start);

    protected abstract Choose Chooser(string layer, int columns, RoundingGrid grid);
}
