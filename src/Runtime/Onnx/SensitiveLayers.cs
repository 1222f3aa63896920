using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// The rule of <c>keep: [auto]</c>: rounding's share of a layer's output is measured on calibration text, as the root of the mean square of
/// what it changes over that of the output; a layer whose share is more than twice the median of all layers is kept.
/// </summary>
internal static class SensitiveLayers
{
    private const double Factor = 2;

    public static IReadOnlySet<string> Find(Calibration calibration, QuantizationPlan plan, ExportWatch watch)
    {
        using var scope = NewDisposeScope();
        var shares = new List<(string Layer, double Share)>();
        watch.Run("measuring layers", calibration.Graph.LinearLayers.Count, step =>
        {
            foreach (var layer in calibration.Graph.LinearLayers)
            {
                if (plan.GridOf(layer.Name, layer.Input.Width) is { } grid) shares.Add((layer.Name, Share(layer, grid, calibration.Moments[layer.Name])));
                step();
            }
        });

        if (shares.Count == 0) return new HashSet<string>();
        var limit = Factor * shares.Select(pair => pair.Share).Order().ElementAt(shares.Count / 2);
        return shares.Where(pair => pair.Share > limit).Select(pair => pair.Layer).ToHashSet(StringComparer.Ordinal);
    }

    private static double Share(LinearLayer layer, RoundingGrid grid, Tensor moments)
    {
        var error = OutputError.Of(layer.Weight, ones(layer.Input.Width), grid, moments);
        return Math.Sqrt(Math.Max(0, error) / Math.Max(OutputError.Energy(layer.Weight, moments), double.Epsilon));
    }
}
