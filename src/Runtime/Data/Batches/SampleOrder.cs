namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>The random order of samples in each epoch; a function of the seed and the epoch.</summary>
/// <param name="count">Number of samples.</param>
/// <param name="seed">Decides the orders.</param>
internal readonly struct SampleOrder(int count, int seed)
{
    private readonly ulong _seed = Shuffle.Mix((ulong)seed ^ 0x5A3B1E5D);

    /// <summary>The order of an epoch: the sample at each of its places.</summary>
    public Shuffle Epoch(int epoch) => new(count, Shuffle.Mix(_seed + (ulong)epoch));

    /// <summary>A number from 0 to below 1 that belongs to a sample in an epoch.</summary>
    public double Uniform(int epoch, int sample) =>
        (Shuffle.Mix(Shuffle.Mix(~_seed + (ulong)epoch) + (ulong)sample) >> 11) * (1.0 / (1UL << 53));
}
