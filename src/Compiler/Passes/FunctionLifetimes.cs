using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// The buffers of a function's values and when they live, from the node that writes to the last that reads. A value
/// whose op can work in place takes over the buffer of an input that ends there, of several the oldest: a short life fits in elsewhere. What a loop over halves of the rows reads or writes lives as
/// long as the loop; its inner values have half of their bytes.
/// </summary>
internal sealed class FunctionLifetimes
{
    private readonly Dictionary<string, string> _bufferOf = [];
    private readonly Dictionary<string, long> _bytes = [];

    public List<Lifetime> Lifetimes { get; } = [];

    /// <param name="external">Values whose place is decided elsewhere.</param>
    /// <param name="lateReads">Reads that the nodes do not show: a value and the index of the node that does it.</param>
    /// <param name="overwritten">An input whose buffer values of the function may take over; it has none of the lifetimes.</param>
    /// <param name="inPlace">Whether a node may overwrite an input; by default what its op says, and a repeated block nothing.</param>
    public static FunctionLifetimes Of(
        Function function, HashSet<string> external, IEnumerable<(string Value, int Index)> lateReads, string? overwritten = null, Func<Node, int, bool>? inPlace = null)
    {
        var result = new FunctionLifetimes();
        var types = function.Types();
        var inner = new HashSet<string>(function.Halves.SelectMany(loop => loop.Inner));
        var last = new Dictionary<string, int>();
        for (var i = 0; i < function.Nodes.Count; i++)
            foreach (var input in function.Nodes[i].Uses) last[input] = i;
        foreach (var (value, index) in lateReads) last[value] = Math.Max(index, last[value]);
        foreach (var output in function.Outputs) last[output] = function.Nodes.Count;

        var ranges = new Dictionary<string, (int First, int Last)>();
        if (overwritten is not null) Add(overwritten, overwritten, -1); // the oldest
        for (var i = 0; i < function.Nodes.Count; i++)
        {
            var node = function.Nodes[i];
            foreach (var output in node.Outputs.Where(o => !external.Contains(o.Name)))
                Add(output.Name, (output == node.Outputs[0] ? Reusable(node, i) : null) ?? output.Name, i);
        }
        foreach (var loop in function.Halves) Lengthen(loop);
        result.Lifetimes.AddRange(ranges.Where(r => r.Key != overwritten).Select(r => new Lifetime(r.Key, result._bytes[r.Key], r.Value.First, r.Value.Last)));
        return result;

        void Add(string value, string buffer, int index)
        {
            result._bytes[value] = types[value].Bytes / (inner.Contains(value) ? 2 : 1);
            result._bufferOf[value] = buffer;
            ranges[buffer] = (ranges.TryGetValue(buffer, out var range) ? range.First : index, last.TryGetValue(value, out var use) ? use : index);
        }

        string? Reusable(Node node, int index)
        {
            return node.Inputs.Where((input, k) =>
                (inPlace?.Invoke(node, k) ?? (!OpTable.IsRepeat(node) && OpTable.Find(node.Op).InPlace(k)))
                && result._bufferOf.TryGetValue(input, out var buffer) && last[input] == index && ranges[buffer].Last == index
                && types[input].Bytes == node.Outputs[0].Type!.Bytes && inner.Contains(input) == inner.Contains(node.Outputs[0].Name)
                && node.Inputs.Count(x => x == input) == 1).Select(input => result._bufferOf[input])
                .OrderBy(buffer => ranges[buffer].First).FirstOrDefault();
        }

        void Lengthen(RowLoop loop)
        {
            foreach (var value in loop.Sliced)
                if (result._bufferOf.TryGetValue(value, out var buffer))
                    ranges[buffer] = (Math.Min(ranges[buffer].First, loop.First), Math.Max(ranges[buffer].Last, loop.Last));
        }
    }

    /// <summary>The values that lie where this one does, in order; itself first.</summary>
    public IEnumerable<string> In(string value) => _bufferOf.Where(v => v.Value == _bufferOf[value]).Select(v => v.Key);

    public IEnumerable<Placement> Placements(Dictionary<string, long> offsets) =>
        _bufferOf.Where(v => offsets.ContainsKey(v.Value)).Select(v => new Placement(v.Key, offsets[v.Value], _bytes[v.Key]));
}
