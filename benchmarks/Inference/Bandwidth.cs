using System.Diagnostics;
using System.Numerics;

namespace ModelCompiler.Benchmarks.Inference;

/// <summary>How fast the machine reads memory: the best of several passes of all cores over a buffer that no cache holds.</summary>
internal static class Bandwidth
{
    private const int Bytes = 512 << 20, Passes = 5;

    public static double BytesPerSecond()
    {
        var buffer = new float[Bytes / sizeof(float)];
        Array.Fill(buffer, 1f);
        var (parts, best) = (Environment.ProcessorCount, 0.0);
        var sums = new float[parts];
        for (var pass = 0; pass < Passes; pass++)
        {
            var start = Stopwatch.GetTimestamp();
            Parallel.For(0, parts, part =>
            {
                var length = buffer.Length / parts;
                var values = buffer.AsSpan(part * length, length);
                var (a, b, c, d) = (Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero);
                for (var i = 0; i + (4 * Vector<float>.Count) <= length; i += 4 * Vector<float>.Count)
                {
                    a += new Vector<float>(values[i..]);
                    b += new Vector<float>(values[(i + Vector<float>.Count)..]);
                    c += new Vector<float>(values[(i + (2 * Vector<float>.Count))..]);
                    d += new Vector<float>(values[(i + (3 * Vector<float>.Count))..]);
                }

                sums[part] = Vector.Sum(a + b + c + d);
            });
            best = Math.Max(best, Bytes / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return sums.Sum() > 0 ? best : throw new InvalidOperationException("Nothing was read.");
    }
}
