namespace ModelCompiler.Runtime.Training;

/// <summary>First values of parameters: normal numbers by Box and Muller (1958) from SplitMix64 (Steele et al. 2014).</summary>
internal static class InitialValues
{
    public static void Fill(Span<float> values, ParameterInfo info, int seed)
    {
        if (info.Init.Deviation == 0)
        {
            values.Fill((float)info.Init.Mean);
            return;
        }

        var state = Mix(Hash(info.Name) ^ Mix((uint)seed));
        for (var i = 0; i < values.Length; i += 2)
        {
            var radius = Math.Sqrt(-2 * Math.Log(1 - Uniform(ref state))) * info.Init.Deviation;
            var (sine, cosine) = Math.SinCos(2 * Math.PI * Uniform(ref state));
            values[i] = (float)(info.Init.Mean + (radius * cosine));
            if (i + 1 < values.Length) values[i + 1] = (float)(info.Init.Mean + (radius * sine));
        }
    }

    /// <summary>A number in [0, 1).</summary>
    private static double Uniform(ref ulong state) => (Mix(state += 0x9E3779B97F4A7C15) >> 11) * (1.0 / (1ul << 53));

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>FNV-1a: the same on every machine, which <see cref="string.GetHashCode()"/> is not.</summary>
    private static ulong Hash(string name)
    {
        var hash = 0xCBF29CE484222325;
        foreach (var character in name) hash = (hash ^ character) * 0x100000001B3;
        return hash;
    }
}
