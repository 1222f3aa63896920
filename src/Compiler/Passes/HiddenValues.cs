using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// The values about the activation functions of a block, what these and their gradients read and give, in groups that no node connects: those of
/// one MLP each. They are the same whatever the backward function repeats.
/// </summary>
internal sealed class HiddenValues
{
    private readonly List<HashSet<string>> _groups = [];

    public HiddenValues(Function forward, Function backward)
    {
        var nodes = forward.Nodes.Concat(backward.Nodes.Where(n => !forward.Computes(n))).ToList();
        foreach (var node in nodes)
            if (Input(node) is { } input) Join([input, node.Inputs[0], node.Outputs[0].Name]);
        foreach (var node in nodes) Join([.. node.Values.Where(v => _groups.Any(g => g.Contains(v)))]);

        // A group stays whole if something about it does not run by rows.
        var rows = new RowValues(forward, backward);
        _groups.RemoveAll(group => nodes.Any(n => n.Values.Any(group.Contains) && !rows.IsByRows(n)));
    }

    public IEnumerable<string> All => _groups.SelectMany(g => g);

    public int Groups => _groups.Count;

    /// <summary>The group of which a node reads or gives a value; −1 for none.</summary>
    public int Of(Node node) => _groups.FindIndex(g => node.Values.Any(g.Contains));

    /// <summary>What an activation function reads, of itself or of its gradient.</summary>
    private static string? Input(Node node) => OpTable.IsRepeat(node) ? null : OpTable.Find(node.Op) switch
    {
        Pointwise or Swiglu => node.Inputs[0],
        PointwiseGrad or SwigluGrad => node.Inputs[1],
        _ => null,
    };

    /// <summary>Makes one group of those that have one of these values, with all of them.</summary>
    private void Join(List<string> values)
    {
        var met = _groups.Where(g => values.Any(g.Contains)).ToList();
        if (values.Count == 0 || (met.Count == 1 && values.All(met[0].Contains))) return;
        foreach (var group in met) _groups.Remove(group);
        _groups.Add([.. met.SelectMany(g => g), .. values]);
    }
}

/// <summary>Which values of a block have rows, [B, T, ..], and which nodes run by them.</summary>
internal sealed class RowValues
{
    private readonly Dictionary<string, TensorType> _types = [];
    private readonly HashSet<string> _others;

    public RowValues(params Function[] functions)
    {
        _others = [.. functions.SelectMany(f => f.Parameters.Select(p => p.Name).Concat(f.GradientSlots().Keys))];
        foreach (var function in functions)
            foreach (var type in function.Types()) _types[type.Key] = type.Value;
    }

    /// <summary>Whether it is neither a parameter nor the gradient of one.</summary>
    public bool IsOfRows(string value) => !_others.Contains(value);

    public bool IsByRows(Node node) => !OpTable.IsRepeat(node) && OpTable.Find(node.Op).ByRows
        && node.Values.Where(IsOfRows).All(v => _types[v].Shape is { Count: > 1 } shape && shape[0].Symbol == "B" && shape[1].Symbol is "T" or "K");
}
