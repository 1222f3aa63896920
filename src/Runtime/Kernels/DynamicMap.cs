using ModelCompiler.Runtime.Native;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// The 256 values of dynamic quantization (Dettmers et al. 2021, 8-bit Optimizers via Block-wise Quantization): seven decades
/// below 1, each with twice as many linearly spaced values as the one below it; 0 and 1.
/// </summary>
internal sealed class DynamicMap
{
    /// <summary>With a sign, for the first moment.</summary>
    public static readonly DynamicMap Signed = new(signed: true);

    /// <summary>Without, for the second.</summary>
    public static readonly DynamicMap Unsigned = new(signed: false);

    private const int Decades = 7;

    private DynamicMap(bool signed)
    {
        List<float> values = [0, 1];
        for (var decade = 0; decade < Decades; decade++)
        {
            var (items, top) = ((signed ? 1 : 2) << decade, Math.Pow(10, decade + 1 - Decades));
            for (var i = 0; i < items; i++)
            {
                var value = (float)(top * (0.1 + (0.9 * (i + 0.5) / items)));
                values.Add(value);
                if (signed) values.Add(-value);
            }
        }

        Values = [.. values.Order()];
        Limits = [.. Values.Zip(Values.Skip(1), (a, b) => (a + b) / 2), float.PositiveInfinity];
        First = new byte[1 << 16];
        for (var bits = 0; bits < First.Length; bits++)
        {
            // The end of the bucket that is nearer to minus infinity: of a negative number, the one with all mantissa bits set.
            var end = BitConverter.Int32BitsToSingle((bits << 16) | (bits >= 1 << 15 ? 0xFFFF : 0));
            First[bits] = (byte)(float.IsNaN(end) ? 0 : Limits.Count(limit => limit < end));
        }
    }

    /// <summary>Ascending.</summary>
    public float[] Values { get; }

    /// <summary>Where each value's range ends: halfway to the next.</summary>
    public float[] Limits { get; }

    /// <summary>
    /// By the upper half of a number's bits: the code of the least number that shares them. No two limits share them, so the
    /// number's own code is this one or the next.
    /// </summary>
    public byte[] First { get; }
}
