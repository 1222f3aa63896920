using System.Diagnostics;
using System.Numerics;

namespace ModelCompiler.Benchmarks.Inference;

/// <summary>How fast the machine reads memory: all cores over a buffer that no cache holds, the best of some passes, the median of rounds.</summary>
internal sealed class Bandwidth
{
    private const int Bytes = 512 << 20, Passes = 3;

    private readonly float[] _buffer = new float[Bytes / sizeof(float)];
    private readonly List<double> _rates = [];

    public Bandwidth() => Array.Fill(_buffer, 1f);

    public double BytesPerSecond => _rates.Order().ElementAt(_rates.Count / 2);

    public void Measure()
    {
        var parts = Environment.ProcessorCount;
        var (sums, best) = (new float[parts], 0.0);
        for (var pass = 0; pass < Passes; pass++)
        {
            var start = Stopwatch.GetTimestamp();
            Parallel.For(0, parts, part =>
            {
                var length = _buffer.Length / parts;
                var values = _buffer.AsSpan(part * length, length);
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

        _rates.Add(best);
        if (sums.Sum() <= 0) throw new InvalidOperationException("Nothing was read.");
    }
}
