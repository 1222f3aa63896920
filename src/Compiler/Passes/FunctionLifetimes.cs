using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// The buffers of a function's values and when they live, from the node that writes to the last that reads. A value
/// whose op can work in place takes over the buffer of an input that ends there.
/// </summary>
internal sealed class FunctionLifetimes
{
    private readonly Dictionary<string, string> _bufferOf = [];
    private readonly Dictionary<string, long> _bytes = [];

    public List<Lifetime> Lifetimes { get; } = [];

    /// <param name="external">Values whose place is decided elsewhere.</param>
    /// <param name="lateReads">Reads that the nodes do not show: a value and the index of the node that does it.</param>
    public static FunctionLifetimes Of(Function function, HashSet<string> external, IEnumerable<(string Value, int Index)> lateReads)
    {
        var result = new FunctionLifetimes();
        var types = function.Types();
        var last = new Dictionary<string, int>();
        for (var i = 0; i < function.Nodes.Count; i++)
            foreach (var input in function.Nodes[i].Uses) last[input] = i;
        foreach (var (value, index) in lateReads) last[value] = Math.Max(index, last[value]);
        foreach (var output in function.Outputs) last[output] = function.Nodes.Count;

        var ranges = new Dictionary<string, (int First, int Last)>();
        for (var i = 0; i < function.Nodes.Count; i++)
        {
            var node = function.Nodes[i];
            foreach (var output in node.Outputs.Where(o => !external.Contains(o.Name)))
            {
                var end = last.TryGetValue(output.Name, out var use) ? use : i;
                result._bytes[output.Name] = types[output.Name].Bytes;
                var reused = output == node.Outputs[0] ? Reusable(node, i) : null;
                var buffer = reused is null ? output.Name : result._bufferOf[reused];
                result._bufferOf[output.Name] = buffer;
                ranges[buffer] = reused is null ? (i, end) : (ranges[buffer].First, end);
            }
        }
        result.Lifetimes.AddRange(ranges.Select(r => new Lifetime(r.Key, result._bytes[r.Key], r.Value.First, r.Value.Last)));
        return result;

        string? Reusable(Node node, int index)
        {
            if (OpTable.IsRepeat(node)) return null;
            for (var k = 0; k < node.Inputs.Count; k++)
            {
                var input = node.Inputs[k];
                if (OpTable.Find(node.Op).InPlace(k) && result._bufferOf.TryGetValue(input, out var buffer) && last[input] == index
                    && ranges[buffer].Last == index && types[input].Bytes == node.Outputs[0].Type!.Bytes
                    && node.Inputs.Count(x => x == input) == 1)
                    return input;
            }
            return null;
        }
    }

    public IEnumerable<Placement> Placements(Dictionary<string, long> offsets) =>
        _bufferOf.Select(v => new Placement(v.Key, offsets[v.Value], _bytes[v.Key]));
}
