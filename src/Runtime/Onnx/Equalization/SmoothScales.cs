using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Equalization;

/// <summary>
/// SmoothQuant (Xiao et al. 2022): sⱼ = max|xⱼ|ᵅ / max|wⱼ|¹⁻ᵅ. Channels with outliers, for which 8 bits of activations would be too few, give
/// part of their range to the weights.
/// </summary>
/// <param name="smoothing">α</param>
internal sealed class SmoothScales(double smoothing) : IChannelScales
{
    private const double Smallest = 1e-5;

    public Tensor Of(IReadOnlyList<(Tensor Weight, RoundingGrid? Grid)> layers, LinearInput input)
    {
        using var scope = NewDisposeScope();
        var activations = maximum(tensor(input.Most), -tensor(input.Least)).clamp_min(Smallest);
        var weights = stack(layers.Select(layer => layer.Weight.abs().amax([0]))).amax([0]).clamp_min(Smallest);
        return (activations.pow(smoothing) / weights.pow(1 - smoothing)).clamp_min(Smallest).MoveToOuterDisposeScope();
    }
}
