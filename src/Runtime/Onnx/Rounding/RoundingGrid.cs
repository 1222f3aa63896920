namespace ModelCompiler.Runtime.Onnx.Rounding;

/// <summary>Integers with a scale for each group of a row, and a zero point for each where they are not symmetric.</summary>
/// <param name="Bits">Of an integer.</param>
/// <param name="Group">Neighbours in a row that share a scale.</param>
/// <param name="Symmetric">Whether the integer of zero is 0; else it is the group's.</param>
internal readonly record struct RoundingGrid(int Bits, int Group, bool Symmetric = true)
{
    public int Largest => (1 << (Bits - 1)) - 1;

    public int Smallest => -Largest - 1;

    public sbyte Code(float value, GroupScale scale) =>
        scale.Scale == 0 ? (sbyte)scale.Zero : (sbyte)Math.Clamp(MathF.Round(value / scale.Scale) + scale.Zero, Smallest, Largest);

    /// <summary>What a value becomes.</summary>
    public float Round(float value, GroupScale scale) => (Code(value, scale) - scale.Zero) * scale.Scale;

    /// <summary>
    /// The scale by which a share of the values' range fills the integers; negative where symmetric and the largest value is positive,
    /// since the integers reach one further below zero.
    /// </summary>
    public GroupScale Cover(ReadOnlySpan<float> values, float share = 1)
    {
        var (least, most) = (0f, 0f);
        foreach (var value in values) (least, most) = (MathF.Min(least, value), MathF.Max(most, value));
        if (Symmetric) return new((most > -least ? most : least) / Smallest * share);
        var scale = (most - least) / (Largest - Smallest) * share;
        return scale == 0 ? default : new(scale, Math.Clamp((int)MathF.Round(Smallest - (least * share / scale)), Smallest, Largest));
    }
}

/// <summary>value ≈ (code − Zero) · Scale</summary>
internal readonly record struct GroupScale(float Scale, int Zero = 0);

/// <summary>A weight in integers.</summary>
/// <param name="Codes">[M, K]</param>
/// <param name="Scales">[M, groups]; the last group of a row may be shorter.</param>
/// <param name="Zeros">[M, groups]; all 0 where the grid is symmetric.</param>
internal sealed record RoundedWeight(sbyte[] Codes, float[] Scales, sbyte[] Zeros)
{
    public GroupScale Scale(int group) => new(Scales[group], Zeros[group]);
}
