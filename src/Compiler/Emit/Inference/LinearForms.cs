using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Emit.Inference;

/// <summary>
/// The linear layers of a function in a model that declares weights of 8 or 4 bits, or of the pattern 2:4 in half precision: programs read their weights in the form that they are
/// given, packed or as they are, by the layer's name in the export. Other models read the parameters themselves.
/// </summary>
internal sealed class LinearForms
{
    private const string Product = ".product";

    private readonly EmitContext _context;
    private readonly Function _function;
    private readonly Identifiers _fields = new();
    private readonly List<Node> _nodes;

    public LinearForms(EmitContext context, Function function)
    {
        (_context, _function) = (context, function);
        _nodes = Declared(context.Model) ? [.. function.Nodes.Where(n => n.Op == "linear" && function.Parameters.Any(p => p.Name == n.Inputs[1]))] : [];
        foreach (var node in _nodes) _ = _fields[Layer(node)];
    }

    /// <summary>Whether programs of the model take packed weights. Adapters are merged before theirs can be.</summary>
    public static bool Declared(CompiledModel model) =>
        model.Spec.Efficiency is { Quantization.HasTorchProducts: true } or { Quantization: null, Pruning.IsTwoOfFour: true, Precision.Compute: not Precision.Fp32 }
        && model.Inference.Encoding is null && !model.IsRegression && !ParametersEmitter.IsAdapted(model) && Generation.Obstacle(model.Inference) is null;

    /// <summary>The directive that they come from.</summary>
    public static string Origin(CompiledModel model) =>
        model.Spec.Efficiency.Quantization is { HasTorchProducts: true } ? "efficiency.quantization" : "efficiency.pruning.pattern";

    public bool Any => _nodes.Count > 0;

    public string Type => ParametersEmitter.ClassName(_function.Name == "main" ? "" : _function.Name, "Weights");

    /// <summary>The expression of a node's weight; null for the parameter itself.</summary>
    public string? Spell(Node node) => _nodes.Contains(node) ? "w." + _fields[Layer(node)] : null;

    public void Class(SourceWriter writer)
    {
        if (!Any) return;
        var (block, types) = (_function.Name == "main" ? "" : _function.Name, _function.Types());
        var parameters = ParametersEmitter.Names(_context.Model, block);
        writer.Line().Line("/// <summary>The weights of linear layers, packed or as they are.</summary>");
        using (writer.Block($"private sealed class {Type}(PackedWeights? packed, {(block.Length > 0 ? "int i, " : "")}{ParametersEmitter.ClassName(block, "Parameters")} p)"))
        {
            foreach (var node in _nodes)
            {
                var layer = block.Length > 0 ? $"$\"{block}.{{i}}.{Layer(node)}\"" : EmitContext.Text(Layer(node));
                writer.Line($"public readonly LinearWeight {_fields[Layer(node)]} = PackedWeights.Form(packed, {layer}, p.{parameters[node.Inputs[1]]});  // [{string.Join(", ", types[node.Inputs[1]].Shape)}]");
            }
        }
    }

    private static string Layer(Node node)
    {
        // The product of a layer whose bias is added elsewhere.
        var name = node.Outputs[0].Name;
        return name.EndsWith(Product, StringComparison.Ordinal) ? name.Substring(0, name.Length - Product.Length) : name;
    }
}
