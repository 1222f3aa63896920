namespace ModelCompiler.Runtime.Training;

/// <summary>Seeds of dropout masks and of drawn tokens: a function of where they are used, so that a recomputation or a resumed run repeats them.</summary>
public static class DropoutSeed
{
    /// <summary>The seed of one mask; SplitMix64's finalizer (Steele et al. 2014) over each number in turn.</summary>
    /// <param name="seed">The model's seed.</param>
    /// <param name="step">The training step.</param>
    /// <param name="layer">The layer within its block.</param>
    /// <param name="site">The number of the dropout layer in the model, or a negative one of the block whose tokens are drawn.</param>
    public static ulong Of(int seed, int step, int layer, int site)
    {
        var state = Mix((uint)seed);
        state = Mix(state + (uint)step);
        state = Mix(state + (uint)layer);
        return Mix(state + (uint)site);
    }

    /// <summary>The first number of SplitMix64 from a state.</summary>
    internal static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
