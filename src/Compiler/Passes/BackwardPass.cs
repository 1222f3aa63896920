using ModelCompiler.Compiler.Graphs;

namespace ModelCompiler.Compiler.Passes;

/// <summary>The backward function of a block, with what all choices of what it repeats ask of it.</summary>
internal sealed class BackwardPass
{
    private readonly Dictionary<string, (int First, int Last)> _reads = [];
    private readonly long[] _changes;

    public BackwardPass(Function function)
    {
        var (nodes, sums, types) = (function.Nodes, function.GradientSlots(), function.Types());
        for (var i = 0; i < nodes.Count; i++)
            foreach (var input in nodes[i].Uses) Read(_reads, input, i);
        _changes = new long[nodes.Count + 1];
        for (var i = 0; i < nodes.Count; i++)
            foreach (var output in nodes[i].Outputs.Where(o => !sums.ContainsKey(o.Name)))
                Live(_changes, types[output.Name].Bytes, i, _reads.TryGetValue(output.Name, out var reads) ? reads.Last : i);
    }

    /// <summary>
    /// About the most bytes of its values at a time if it repeats these nodes, each where its outputs are first read: its scratch, but for
    /// what works in place or over halves of the rows.
    /// </summary>
    public long Scratch(Rematerialization repeated)
    {
        var (changes, reads) = ((long[])_changes.Clone(), new Dictionary<string, (int First, int Last)>(_reads));
        for (var i = repeated.Repeated.Count - 1; i >= 0; i--)
        {
            var node = repeated.Repeated[i];
            var at = node.Outputs.Min(o => reads.TryGetValue(o.Name, out var read) ? read.First : int.MaxValue);
            foreach (var output in node.Outputs)
                Live(changes, output.Type!.Bytes, at, reads.TryGetValue(output.Name, out var read) ? read.Last : at);
            foreach (var input in node.Uses) Read(reads, input, at);
        }

        var (now, most) = (0L, 0L);
        foreach (var change in changes) most = Math.Max(most, now += change);
        return most;
    }

    private static void Read(Dictionary<string, (int First, int Last)> reads, string value, int at) =>
        reads[value] = reads.TryGetValue(value, out var read) ? (Math.Min(read.First, at), Math.Max(read.Last, at)) : (at, at);

    private static void Live(long[] changes, long bytes, int first, int last)
    {
        changes[first] += bytes;
        changes[last + 1] -= bytes;
    }
}
