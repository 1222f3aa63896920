using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelCompiler.Benchmarks.Inference;

/// <summary>How fast the machine reads memory: a thread a core over a buffer that no cache holds, the best of some passes, the median of rounds.</summary>
internal sealed class Bandwidth
{
    private const int Bytes = 512 << 20, Passes = 5;

    private readonly float[] _buffer = new float[Bytes / sizeof(float)];
    private readonly List<double> _rates = [];

    public Bandwidth() => Array.Fill(_buffer, 1f);

    public double BytesPerSecond => _rates.Order().ElementAt(_rates.Count / 2);

    public void Measure()
    {
        var sums = new float[Environment.ProcessorCount];
        var best = 0.0;
        for (var pass = 0; pass < Passes; pass++)
        {
            var start = Stopwatch.GetTimestamp();
            var threads = sums.Select((_, part) => new Thread(() => sums[part] = Sum(_buffer.AsSpan(part * (_buffer.Length / sums.Length), _buffer.Length / sums.Length)))).ToList();
            foreach (var thread in threads) thread.Start();
            foreach (var thread in threads) thread.Join();
            best = Math.Max(best, Bytes / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        _rates.Add(best);
        if (sums.Sum() <= 0) throw new InvalidOperationException("Nothing was read.");
    }

    private static float Sum(ReadOnlySpan<float> values)
    {
        var vectors = MemoryMarshal.Cast<float, Vector512<float>>(values);
        var (a, b, c, d) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        for (var i = 0; i + 4 <= vectors.Length; i += 4)
        {
            a += vectors[i];
            b += vectors[i + 1];
            c += vectors[i + 2];
            d += vectors[i + 3];
        }

        return Vector512.Sum(a + b + c + d);
    }
}
