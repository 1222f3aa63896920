using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Equalization;

/// <summary>
/// AWQ (Lin et al. 2023): channels are scaled by their mean magnitude to a power between 0 and 1, the one of 20 under which rounding
/// changes the layers' outputs on calibration text least. 0 leaves all as it is.
/// </summary>
internal sealed class AwqScales : IChannelScales
{
    private const int Candidates = 20;

    private const double Smallest = 1e-4;

    public Tensor Of(IReadOnlyList<(Tensor Weight, RoundingGrid? Grid)> layers, LinearInput input)
    {
        using var scope = NewDisposeScope();
        var magnitudes = tensor(input.Magnitudes);
        magnitudes = (magnitudes / magnitudes.mean().clamp_min(1e-30)).clamp_min(Smallest);
        var (best, least) = (ones_like(magnitudes), double.PositiveInfinity);
        for (var candidate = 0; candidate < Candidates; candidate++)
        {
            using var trial = NewDisposeScope();
            var scale = magnitudes.pow((double)candidate / Candidates);
            scale = (scale / (scale.max() * scale.min()).sqrt()).clamp_min(Smallest);
            var error = 0.0;
            foreach (var (weight, grid) in layers)
                if (grid is { } integers) error += OutputError.Of(weight, scale, integers, input.Moments);
            if (error < least) (best, least) = (scale.MoveToOuterDisposeScope(), error);
        }

        return best.MoveToOuterDisposeScope();
    }
}
