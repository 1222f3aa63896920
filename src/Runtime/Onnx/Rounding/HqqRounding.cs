namespace ModelCompiler.Runtime.Onnx.Rounding;

/// <summary>
/// HQQ (Badri and Shaji 2023): the scale or zero point under which few weights have large errors, rather than all a little less, by
/// half-quadratic splitting: errors that an lₚ norm with p = 0.7 would leave are taken out of the weights, the parameter is solved for,
/// and both in turns under a growing penalty. Errors are counted in steps of the grid. No text is read. The original solves for zero points
/// alone and leaves them fractions; products with these are slow, and whole ones have little to choose from, so scales are solved for too.
/// </summary>
internal sealed class HqqRounding : GroupwiseRounding
{
    private const double Norm = 0.7, Growth = 1.01, FirstPenalty = 10;

    private const int Steps = 20;

    protected override Choose Chooser(string layer, int columns, RoundingGrid grid) => (values, _) => Solve(values, grid);

    public static GroupScale Solve(ReadOnlySpan<float> values, RoundingGrid grid)
    {
        var scale = grid.Cover(values);
        if (scale.Scale == 0) return scale;
        var (best, least, penalty) = (scale, Error(values, grid, scale), FirstPenalty);
        double size = scale.Scale;
        var zero = scale.Zero;
        Span<double> codes = stackalloc double[values.Length], targets = stackalloc double[values.Length];
        for (var step = 0; step < Steps; step++, penalty *= Growth)
        {
            double zeros = 0, products = 0, squares = 0;
            for (var i = 0; i < values.Length; i++)
            {
                (codes[i], targets[i]) = Target(values[i], size, zero, penalty);
                zeros += codes[i] - (targets[i] / size);
            }

            if (!grid.Symmetric) zero = (int)Math.Clamp(Math.Round(zeros / values.Length), grid.Smallest, grid.Largest);
            for (var i = 0; i < values.Length; i++)
            {
                products += (codes[i] - zero) * targets[i];
                squares += (codes[i] - zero) * (codes[i] - zero);
            }

            if (products * size <= 0) break;
            size = products / squares;
            var found = new GroupScale((float)size, zero);
            var error = Error(values, grid, found);
            if (error < least) (best, least) = (found, error);
        }

        return best;

        (double Code, double Target) Target(double value, double step, int middle, double weight)
        {
            var code = Math.Clamp(Math.Round(value / step) + middle, grid.Smallest, grid.Largest);
            return (code, value - (step * Shrink((value / step) - (code - middle), weight)));
        }
    }

    /// <summary>The generalized soft threshold of an lₚ norm.</summary>
    private static double Shrink(double error, double penalty) => error == 0
        ? 0
        : Math.Sign(error) * Math.Max(0, Math.Abs(error) - (Math.Pow(Math.Abs(error), Norm - 1) / penalty));

    /// <summary>The sum of |error|ᵖ.</summary>
    private static double Error(ReadOnlySpan<float> values, RoundingGrid grid, GroupScale scale)
    {
        var sum = 0.0;
        foreach (var value in values) sum += Math.Pow(Math.Abs(value - grid.Round(value, scale)), Norm);
        return sum;
    }
}
