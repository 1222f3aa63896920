namespace ModelCompiler.Runtime.Onnx.Rounding;

/// <summary>Each weight to the nearest integer, under the scale of its group that makes the squared error least.</summary>
internal sealed class NearestRounding : GroupwiseRounding
{
    /// <summary>Scales that are tried: the whole range's, down to this share of it.</summary>
    private const int Candidates = 20;

    private const float SmallestShare = 0.7f;

    protected override Choose Chooser(string layer, int columns, RoundingGrid grid) => (values, _) => Scale(values, grid);

    /// <summary>The scale with the least squared error; that of the whole range where several have it.</summary>
    public static GroupScale Scale(ReadOnlySpan<float> values, RoundingGrid grid)
    {
        var (best, least) = (default(GroupScale), float.PositiveInfinity);
        for (var candidate = 0; candidate < Candidates; candidate++)
        {
            var scale = grid.Cover(values, 1 - ((1 - SmallestShare) * candidate / (Candidates - 1)));
            var error = 0f;
            foreach (var value in values)
            {
                var difference = value - grid.Round(value, scale);
                error += difference * difference;
            }

            if (error < least) (best, least) = (scale, error);
        }

        return best;
    }
}
