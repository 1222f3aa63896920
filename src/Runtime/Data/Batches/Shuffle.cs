using System.Numerics;

namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>
/// A permutation of 0 to count − 1 that is computed element by element and needs no memory: a Feistel network over the
/// next power of four, walked until it lands within the range (format-preserving encryption; Black and Rogaway 2002).
/// </summary>
internal readonly struct Shuffle
{
    private const int Rounds = 4;
    private readonly long _count;
    private readonly ulong _key;
    private readonly int _halfBits;

    public Shuffle(long count, ulong key)
    {
        _count = count;
        _key = key;
        _halfBits = Math.Max(1, (64 - BitOperations.LeadingZeroCount((ulong)(count - 1)) + 1) / 2);
    }

    public long this[long index]
    {
        get
        {
            do
                index = Encrypt(index);
            while (index >= _count);
            return index;
        }
    }

    /// <summary>Mixes 64 bits well (the finalizer of SplitMix64; Steele et al. 2014).</summary>
    public static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }

    private long Encrypt(long index)
    {
        var mask = (1UL << _halfBits) - 1;
        var left = (ulong)index >> _halfBits;
        var right = (ulong)index & mask;
        for (var round = 0UL; round < Rounds; round++)
            (left, right) = (right, left ^ (Mix(right ^ Mix(_key + round)) & mask));
        return (long)((left << _halfBits) | right);
    }
}
