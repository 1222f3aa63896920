using ModelCompiler.Runtime.Implementations;

namespace ModelCompiler.Runtime.Tests;

/// <summary>Our conversions of fp16 beside .NET's.</summary>
public sealed unsafe class Fp16Tests
{
    [Fact]
    public void Every_number_widens_exactly()
    {
        var bits = Enumerable.Range(0, 1 << 16).Select(i => (ushort)i).ToArray();
        var wide = new float[bits.Length];
        fixed (ushort* source = bits)
        fixed (float* destination = wide)
            for (var i = 0; i < bits.Length; i += Lanes.Count) Fp32.Store((Fp32*)destination + i, Fp16.Load((Fp16*)source + i));

        for (var i = 0; i < bits.Length; i++)
        {
            var expected = (float)BitConverter.UInt16BitsToHalf(bits[i]);
            // NaNs need not keep their payload.
            Assert.True(float.IsNaN(expected) ? float.IsNaN(wide[i]) : BitConverter.SingleToUInt32Bits(expected) == BitConverter.SingleToUInt32Bits(wide[i]), $"{bits[i]:X4}");
        }
    }

    /// <summary>Every fp16 number, what lies half-way between two and beside that, and numbers of all magnitudes.</summary>
    [Fact]
    public void Numbers_round_to_nearest_even()
    {
        var random = new Random(1);
        var numbers = new List<float>();
        for (var i = 0; i < 0x7C00; i++)
        {
            var (low, high) = ((float)BitConverter.UInt16BitsToHalf((ushort)i), i == 0x7BFF ? 65536 : (float)BitConverter.UInt16BitsToHalf((ushort)(i + 1)));
            var middle = (low + high) / 2;
            numbers.AddRange([low, -low, middle, -middle, MathF.BitIncrement(middle), MathF.BitDecrement(middle)]);
        }

        for (var i = 0; i < 100_000; i++) numbers.Add(BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)));
        numbers.AddRange([float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.Epsilon]);
        while (numbers.Count % Lanes.Count != 0) numbers.Add(0);

        var rounded = new ushort[numbers.Count];
        fixed (float* source = numbers.ToArray())
        fixed (ushort* destination = rounded)
            for (var i = 0; i < rounded.Length; i += Lanes.Count) Fp16.Store((Fp16*)destination + i, Fp32.Load((Fp32*)source + i));

        for (var i = 0; i < rounded.Length; i++)
        {
            var (expected, actual) = ((Half)numbers[i], BitConverter.UInt16BitsToHalf(rounded[i]));
            Assert.True(Half.IsNaN(expected) ? Half.IsNaN(actual) : BitConverter.HalfToUInt16Bits(expected) == rounded[i], $"{numbers[i]:R}");
        }
    }
}
