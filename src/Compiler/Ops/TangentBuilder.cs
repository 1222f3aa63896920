using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// What a tangent rule works with: the node, the directional derivatives ("tangents") of its inputs, and where those of its outputs
/// go. A value without tangent does not depend on the parameters.
/// </summary>
public sealed class TangentBuilder
{
    /// <summary>What the name of a tangent has behind that of its value.</summary>
    public const string Suffix = ".tangent";

    private readonly Node _node;
    private readonly Dictionary<string, string> _tangents;
    private readonly Func<string, string> _fresh;
    private readonly List<Node> _nodes;

    /// <param name="tangents">Tangent by value; what the rules fill in.</param>
    /// <param name="fresh">A name, not yet taken, of a value's tangent.</param>
    public TangentBuilder(Node node, Dictionary<string, string> tangents, Func<string, string> fresh, List<Node> nodes)
    {
        _node = node;
        _tangents = tangents;
        _fresh = fresh;
        _nodes = nodes;
    }

    public Attributes Attributes => _node.Attributes;

    public int Inputs => _node.Inputs.Count;

    public string Input(int index) => index < _node.Inputs.Count ? _node.Inputs[index] : "";

    public string Output(int index) => _node.Outputs[index].Name;

    /// <summary>The tangent of an input, or an empty string.</summary>
    public string Tangent(int input) => Input(input).Length > 0 && _tangents.TryGetValue(Input(input), out var tangent) ? tangent : "";

    public bool Has(int input) => Tangent(input).Length > 0;

    /// <summary>Adds a node that gives the tangent of an output.</summary>
    public string Emit(int output, string op, Attributes attributes, params string[] inputs) => Emit([output], op, attributes, inputs)[0];

    /// <summary>Adds a node that gives the tangents of several outputs.</summary>
    public string[] Emit(int[] outputs, string op, Attributes attributes, params string[] inputs)
    {
        var values = outputs.Select(output => _fresh(Output(output))).ToArray();
        _nodes.Add(new Node(op, inputs.ToEquatableArray(), values.Select(value => new Value(value)).ToEquatableArray(), attributes, _node.Origin));
        for (var i = 0; i < outputs.Length; i++) _tangents[Output(outputs[i])] = values[i];
        return values;
    }

    /// <summary>Adds a node of which all inputs are there to what the output's tangent is so far.</summary>
    /// <param name="needs">The tangent without which there is no such part.</param>
    public void Add(int output, int needs, string op, Attributes attributes, params string[] inputs)
    {
        if (!Has(needs)) return;
        var before = _tangents.TryGetValue(Output(output), out var sum) ? sum : null;
        var part = Emit(output, op, attributes, inputs);
        if (before is not null) Emit(output, "add", Attributes.None, before, part);
    }
}
