using ModelCompiler.Compiler.Graphs;

namespace ModelCompiler.Compiler.Passes;

/// <summary>The forward function of a block, with what all choices of what it repeats ask of it.</summary>
internal sealed class ForwardPass
{
    private readonly Dictionary<string, long> _bytes;
    private readonly Dictionary<string, Node> _producers;
    private readonly HashSet<string> _parameters;
    private readonly Dictionary<string, long> _flops;

    public ForwardPass(Function function)
    {
        Function = function;
        var types = function.Types();
        _bytes = types.ToDictionary(pair => pair.Key, pair => pair.Value.Bytes);
        _producers = function.Nodes.SelectMany(n => n.Outputs.Select(o => (o.Name, n))).ToDictionary(p => p.Name, p => p.n);
        _parameters = [.. function.Parameters.Select(p => p.Name)];
        _flops = function.Nodes.ToDictionary(n => n.Outputs[0].Name, n => Costs.Flops(n, types));
    }

    public Function Function { get; }

    public long Bytes(string value) => _bytes[value];

    /// <summary>The node that gives a value; null for an input or a parameter.</summary>
    public Node? Producer(string value) => _producers.TryGetValue(value, out var node) ? node : null;

    public bool IsParameter(string value) => _parameters.Contains(value);

    public long Flops(Node node) => _flops[node.Outputs[0].Name];
}
