using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Rounding;

/// <summary>Chooses the integers and scales that stand for a weight.</summary>
internal interface IWeightRounding
{
    /// <param name="layer">The linear layer's name.</param>
    /// <param name="weight">fp32 [M, K]</param>
    /// <param name="grid">What the integers may be.</param>
    RoundedWeight Round(string layer, Tensor weight, RoundingGrid grid);
}
