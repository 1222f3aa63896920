namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>The units of an op's work, divided into parts of about the same size.</summary>
/// <param name="units">Rows of tiles, or heads.</param>
/// <param name="count">Parts.</param>
internal readonly struct StepParts(int units, int count)
{
    /// <summary>Bytes that are worth handing to another thread, and that the tokens of a pass find in a core's cache one after the other.</summary>
    private const int Bytes = 64 << 10;

    public int Count => count;

    /// <param name="units">That cannot be divided.</param>
    /// <param name="bytes">Of all weights, or keys and values, that they read.</param>
    /// <param name="divides">Whether there is to be more than one part.</param>
    public static StepParts Of(int units, long bytes, bool divides) => new(units, divides ? (int)Math.Clamp(bytes / Bytes, 1, Math.Min(units, StepTeam.MostParts)) : 1);

    public (int First, int End) Of(int part) => ((int)((long)units * part / count), (int)((long)units * (part + 1) / count));
}
