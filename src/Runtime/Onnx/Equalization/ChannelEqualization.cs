using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Equalization;

/// <summary>Chooses by how much the input channels of linear layers are scaled before they are rounded.</summary>
internal interface IChannelScales
{
    /// <param name="layers">The weights, fp32 [M, K], that read the channels, and the integers they become; null for fp32.</param>
    /// <param name="input">What was seen of the channels.</param>
    /// <returns>fp32 [K], above 0: weights are multiplied by it, and the channels divided.</returns>
    Tensor Of(IReadOnlyList<(Tensor Weight, RoundingGrid? Grid)> layers, LinearInput input);
}

/// <summary>
/// Scales the channels between layers so that rounding costs less, and leaves what the model computes as it is: the columns of the weights
/// that read a channel are multiplied by what the parameters before them are divided by. Those are norms, linear layers before a gated or
/// rectified activation, and the values of attention where each query head has its own. Channels that anything else reads, and tied
/// heads, stay.
/// </summary>
internal static class ChannelEqualization
{
    /// <summary>Changes the parameters in place, and what calibration saw of them.</summary>
    /// <returns>The names of the layers whose inputs were scaled.</returns>
    public static IReadOnlyList<string> Apply(Calibration calibration, QuantizationPlan plan, IChannelScales scales, ExportWatch watch)
    {
        var graph = calibration.Graph;
        LinearLayer[][] groups =
        [
            .. graph.LinearLayers.Where(layer => graph.ChannelSources.ContainsKey(layer.Input.Name))
                .GroupBy(layer => graph.ChannelSources[layer.Input.Name].Key, (_, layers) => layers.ToArray()),
        ];
        var done = new List<string>();
        watch.Run("scaling channels", groups.Length, step =>
        {
            foreach (var layers in groups)
            {
                if (Scale(layers, calibration, plan, scales)) done.AddRange(layers.Select(layer => layer.Name));
                step();
            }
        });
        return done;
    }

    private static bool Scale(LinearLayer[] layers, Calibration calibration, QuantizationPlan plan, IChannelScales scales)
    {
        var graph = calibration.Graph;
        if (!CanScale(graph, layers, calibration)) return false;
        using var gradientless = no_grad();
        using var scope = NewDisposeScope();
        LinearLayer[] weights = [.. layers.DistinctBy(layer => layer.Source)];
        var input = calibration.Inputs[layers[0].Name];
        (Tensor, RoundingGrid?)[] read = [.. weights.Select(layer => (layer.Weight, plan.GridOf(layer.Name, layer.Input.Width)))];
        if (read.All(pair => pair.Item2 is null)) return false;
        var scale = scales.Of(read, input);
        foreach (var layer in weights) layer.Weight.mul_(scale);
        foreach (var (parameter, start) in graph.ChannelSources[layers[0].Input.Name].Parameters)
            using (var rows = parameter.narrow(0, start, scale.numel()))
                rows.div_(rows.dim() == 1 ? scale : scale.unsqueeze(1));
        input.Divide(OnnxBuilder.Floats(scale));
        return true;
    }

    /// <summary>Whether only these layers read the channels, and read nothing else with their weights.</summary>
    private static bool CanScale(OnnxGraph graph, LinearLayer[] layers, Calibration calibration)
    {
        var source = graph.ChannelSources[layers[0].Input.Name];
        string[] inputs = [.. layers.Select(layer => layer.Input.Name).Distinct()];
        var sources = layers.Select(layer => layer.Source).ToHashSet();
        return inputs.All(input => graph.Uses(input) == layers.Count(layer => layer.Input.Name == input))
            && inputs.All(input => graph.ChannelSources[input].Through.All(value => graph.Uses(value) == 1))
            && graph.ChannelSources.Values.Count(other => other.Through.Count == 0 && other.Root == source.Root) == inputs.Length
            && graph.LinearLayers.Count(layer => sources.Contains(layer.Source)) == layers.Length
            && !layers.Any(layer => graph.IsTable(layer.Weight))
            && layers.Select(layer => calibration.Inputs[layer.Name]).Distinct().Count() == 1;
    }
}
