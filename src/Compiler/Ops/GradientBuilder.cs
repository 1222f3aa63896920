using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Ops;

/// <summary>What a gradient rule works with: the node, its outputs' gradients, and where those of its inputs go.</summary>
public sealed class GradientBuilder
{
    private readonly Node _node;
    private readonly Func<string, bool> _isParameter;
    private readonly Dictionary<string, string> _gradients;
    private readonly Func<string, bool> _needed;
    private readonly Func<string, string> _fresh;
    private readonly List<Node> _nodes;

    /// <param name="gradients">Gradient value by value or parameter; what the rules fill in.</param>
    /// <param name="needed">Whether the gradient of a value is asked for.</param>
    /// <param name="fresh">A name not yet taken.</param>
    public GradientBuilder(
        Node node, Func<string, bool> isParameter, Dictionary<string, string> gradients, Func<string, bool> needed,
        Func<string, string> fresh, List<Node> nodes)
    {
        _node = node;
        _isParameter = isParameter;
        _gradients = gradients;
        _needed = needed;
        _fresh = fresh;
        _nodes = nodes;
    }

    public Attributes Attributes => _node.Attributes;

    public string Input(int index) => index < _node.Inputs.Count ? _node.Inputs[index] : "";

    public string Output(int index) => _node.Outputs[index].Name;

    /// <summary>The gradient of output 0.</summary>
    public string OutputGradient => _gradients[Output(0)];

    public bool Needs(int input) => Input(input).Length > 0 && _needed(Input(input));

    /// <summary>
    /// The gradient accumulated so far for the parameter at this input, or an empty string: an optional input of
    /// kernels that can add to it.
    /// </summary>
    public string Prior(int input) => Input(input).Length > 0 && _gradients.TryGetValue(Input(input), out var prior) ? prior : "";

    /// <summary>Adds a node; its outputs are the gradients of the inputs named by index.</summary>
    public void Emit(string op, Attributes attributes, IEnumerable<string> inputs, params int[] gradientsOf) =>
        Emit(op, attributes, inputs, gradientsOf, []);

    /// <summary>Adds a node; its outputs are the gradients of the inputs named by index, and further values by name.</summary>
    public void Emit(string op, Attributes attributes, IEnumerable<string> inputs, IReadOnlyList<int> gradientsOf, IReadOnlyList<string> further)
    {
        var outputs = new List<Value>();
        var sums = new List<(string Target, string Part)>();
        foreach (var index in gradientsOf)
        {
            var target = Input(index);
            var name = _fresh("d_" + target);
            outputs.Add(new Value(name));
            if (!_isParameter(target) && _gradients.TryGetValue(target, out _)) sums.Add((target, name));
            else _gradients[target] = name;
        }
        outputs.AddRange(further.Select(name => new Value(_fresh(name))));
        _nodes.Add(new Node(op, inputs.ToEquatableArray(), outputs.ToEquatableArray(), attributes, _node.Origin));
        foreach (var (target, part) in sums) Sum(target, part);
    }

    /// <summary>The gradient of output 0 is also that of this input.</summary>
    public void PassThrough(int input)
    {
        if (!Needs(input)) return;
        if (_gradients.ContainsKey(Input(input))) Sum(Input(input), OutputGradient);
        else _gradients[Input(input)] = OutputGradient;
    }

    private void Sum(string target, string part)
    {
        var name = _fresh("d_" + target + ".sum");
        _nodes.Add(new Node("add", EquatableArray.Of(_gradients[target], part), EquatableArray.Of(new Value(name)), Attributes.None, _node.Origin));
        _gradients[target] = name;
    }
}
