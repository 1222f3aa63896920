using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Rounding;

/// <summary>Tells of each weight that a method has rounded.</summary>
/// <param name="rounding">The method.</param>
/// <param name="rounded">Is called after each.</param>
internal sealed class WatchedRounding(IWeightRounding rounding, Action rounded) : IWeightRounding
{
    public RoundedWeight Round(string layer, Tensor weight, RoundingGrid grid)
    {
        var result = rounding.Round(layer, weight, grid);
        rounded();
        return result;
    }
}
