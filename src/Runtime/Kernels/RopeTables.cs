using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Cosines and sines of rotary embedding, calculated once in double precision: at position 1000, angles in fp32 would already be off
/// by 1e-4.
/// </summary>
internal static class RopeTables
{
    private static readonly ConcurrentDictionary<Key, float[]> Tables = new();
    private static readonly ConcurrentDictionary<(Key Key, string Device), Tensor> Copies = new();

    /// <summary>Of each position from 0 on: D/2 cosines, then D/2 sines.</summary>
    public static float[] Of(long half, double theta, RopeScaling scaling, int positions)
    {
        var key = new Key(half, theta, scaling);
        if (Tables.TryGetValue(key, out var known) && known.Length >= positions * 2 * half) return known;
        var table = new float[positions * 2 * half];
        for (var i = 0L; i < half; i++)
        {
            var frequency = scaling.Frequency(i, half, theta);
            for (var position = 0L; position < positions; position++)
            {
                var (sine, cosine) = Math.SinCos(position * frequency);
                table[(position * 2 * half) + i] = (float)(cosine * scaling.Magnitude);
                table[(((position * 2) + 1) * half) + i] = (float)(sine * scaling.Magnitude);
            }
        }

        return Tables[key] = table;
    }

    /// <summary>The same on a device, fp32 [at least so many positions, 2, D/2]; kept for the life of the process.</summary>
    public static Tensor On(Device device, long half, double theta, RopeScaling scaling, int positions)
    {
        var key = (new Key(half, theta, scaling), device.ToString());
        if (Copies.TryGetValue(key, out var known) && known.size(0) >= positions) return known;
        using var scope = NewDisposeScope();
        var copy = tensor(Of(half, theta, scaling, positions)).view(-1, 2, half).to(device, copy: true).DetachFromDisposeScope();
        return Copies[key] = copy;
    }

    /// <summary>The same for rows of any positions, int64 [n], fp32 [n, 2, D/2]: which of them is the last, only the device knows.</summary>
    public static Tensor At(Tensor positions, long half, double theta, RopeScaling scaling)
    {
        var frequencies = new double[half];
        for (var i = 0; i < half; i++) frequencies[i] = scaling.Frequency(i, half, theta);
        var angles = outer(positions.to(ScalarType.Float64), tensor(frequencies).to(positions.device));
        return stack([angles.cos(), angles.sin()], 1).mul_(scaling.Magnitude).to(ScalarType.Float32);
    }

    private readonly record struct Key(long Half, double Theta, RopeScaling Scaling);
}
