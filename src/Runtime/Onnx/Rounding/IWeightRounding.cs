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

/// <summary>Symmetric integers with a scale for each group of a row.</summary>
/// <param name="Bits">Of an integer.</param>
/// <param name="Group">Neighbours in a row that share a scale.</param>
internal readonly record struct RoundingGrid(int Bits, int Group)
{
    public int Largest => (1 << (Bits - 1)) - 1;

    public int Smallest => -Largest - 1;

    public sbyte Code(float value, float scale) => scale == 0 ? (sbyte)0 : (sbyte)Math.Clamp(MathF.Round(value / scale), Smallest, Largest);
}

/// <summary>weight[m, k] ≈ Codes[m, k] · Scales[m, k / group]</summary>
/// <param name="Codes">[M, K]</param>
/// <param name="Scales">[M, Groups]</param>
/// <param name="Groups">Groups of a row; the last may be shorter.</param>
internal sealed record RoundedWeight(sbyte[] Codes, float[] Scales, int Groups);
