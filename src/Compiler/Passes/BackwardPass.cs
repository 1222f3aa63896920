using ModelCompiler.Compiler.Graphs;

namespace ModelCompiler.Compiler.Passes;

/// <summary>The backward function of a block, with what all choices of what it repeats ask of it.</summary>
internal sealed class BackwardPass
{
    private readonly Dictionary<string, (int First, int Last)> _reads = [];
    private readonly HashSet<string> _halved;
    private readonly long[] _changes;

    /// <param name="function">Before it repeats anything.</param>
    /// <param name="halved">Values that exist for half of the rows at a time.</param>
    public BackwardPass(Function function, HashSet<string> halved)
    {
        _halved = halved;
        var (nodes, sums, types) = (function.Nodes, function.GradientSlots(), function.Types());
        for (var i = 0; i < nodes.Count; i++)
            foreach (var input in nodes[i].Uses) Read(_reads, input, i);
        _changes = new long[nodes.Count + 1];
        for (var i = 0; i < nodes.Count; i++)
            foreach (var output in nodes[i].Outputs.Where(o => !sums.ContainsKey(o.Name)))
                Live(_changes, Bytes(output.Name, types[output.Name]), i, _reads.TryGetValue(output.Name, out var reads) ? reads.Last : i);
    }

    /// <summary>
    /// About the most bytes of its values at a time if it repeats these nodes, each where its outputs are first read: its scratch, but for
    /// what works in place.
    /// </summary>
    public long Scratch(Rematerialization repeated)
    {
        var (changes, reads) = ((long[])_changes.Clone(), new Dictionary<string, (int First, int Last)>(_reads));
        for (var i = repeated.Repeated.Count - 1; i >= 0; i--)
        {
            var node = repeated.Repeated[i];
            var at = node.Outputs.Where(o => reads.ContainsKey(o.Name)).Min(o => reads[o.Name].First);
            foreach (var output in node.Outputs)
                Live(changes, Bytes(output.Name, output.Type!), at, reads.TryGetValue(output.Name, out var read) ? read.Last : at);
            foreach (var input in node.Uses) Read(reads, input, at);
        }

        var (now, most) = (0L, 0L);
        foreach (var change in changes) most = Math.Max(most, now += change);
        return most;
    }

    private long Bytes(string value, TensorType type) => type.Bytes / (_halved.Contains(value) ? 2 : 1);

    private static void Read(Dictionary<string, (int First, int Last)> reads, string value, int at) =>
        reads[value] = reads.TryGetValue(value, out var read) ? (Math.Min(read.First, at), Math.Max(read.Last, at)) : (at, at);

    private static void Live(long[] changes, long bytes, int first, int last)
    {
        changes[first] += bytes;
        changes[last + 1] -= bytes;
    }
}
