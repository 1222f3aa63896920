using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Sinusoidal encodings (Vaswani et al. 2017) of distances, made once for each length, width, type and device.</summary>
internal static class RelativePositions
{
    private const double Base = 10_000;

    private static readonly ConcurrentDictionary<(long Length, long Width, long Clamp, ScalarType Type, DeviceType Device, int Index), Tensor> Tables = new();

    /// <summary>[length, width]: the sines, then the cosines, of the distances length − 1 to 0, none above clamp unless that is 0.</summary>
    public static Tensor Table(long length, long width, long clamp, ScalarType type, Device device) => Tables.GetOrAdd(
        (length, width, clamp, type, device.type, device.index),
        static (key, device) =>
        {
            var (half, values) = (key.Width / 2, new float[key.Length * key.Width]);
            for (var row = 0L; row < key.Length; row++)
            {
                var distance = key.Length - 1 - row;
                if (key.Clamp > 0) distance = Math.Min(distance, key.Clamp);
                for (var i = 0L; i < half; i++)
                {
                    var (sine, cosine) = Math.SinCos(distance / Math.Pow(Base, (double)i / half));
                    (values[(row * key.Width) + i], values[(row * key.Width) + half + i]) = ((float)sine, (float)cosine);
                }
            }

            using var scope = NewDisposeScope();
            return tensor(values, [key.Length, key.Width]).to(key.Type).to(device).MoveToOuterDisposeScope().DetachFromDisposeScope();
        },
        device);
}
