namespace ModelCompiler.Compiler.Passes;

/// <summary>A buffer and the steps, inclusive, between which it must keep its content.</summary>
internal sealed record Lifetime(string Name, long Bytes, int First, int Last)
{
    /// <summary>Whether it is scratch of its first and its last step, which holds nothing between them.</summary>
    public bool OnlyAtEnds { get; init; }

    /// <summary>The steps at which it is in use.</summary>
    public IEnumerable<(int First, int Last)> Ranges => OnlyAtEnds && Last > First ? [(First, First), (Last, Last)] : [(First, Last)];

    public bool Meets(Lifetime other) => Ranges.Any(a => other.Ranges.Any(b => a.First <= b.Last && b.First <= a.Last));
}

/// <summary>
/// Gives buffers offsets so that those alive together do not overlap: the largest first, each at the lowest offset
/// that is free (Pisarchyk and Lee 2020, "greedy by size").
/// </summary>
internal static class OffsetAllocator
{
    /// <summary>Bytes; what vector loads and stores like best.</summary>
    public const long Alignment = 64;

    public static long Align(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    public static (Dictionary<string, long> Offsets, long Bytes) Place(IEnumerable<Lifetime> buffers)
    {
        var placed = new List<(Lifetime Buffer, long Offset)>();
        // Ties keep the order given, so that a plan is a function of the graph alone.
        foreach (var buffer in buffers.OrderByDescending(b => b.Bytes))
        {
            var offset = 0L;
            foreach (var (other, start) in placed.Where(p => p.Buffer.Meets(buffer)).OrderBy(p => p.Offset))
            {
                if (offset + Align(buffer.Bytes) <= start) break;
                offset = Math.Max(offset, start + Align(other.Bytes));
            }
            placed.Add((buffer, offset));
        }
        return (placed.ToDictionary(p => p.Buffer.Name, p => p.Offset), placed.Count == 0 ? 0 : placed.Max(p => p.Offset + Align(p.Buffer.Bytes)));
    }
}
