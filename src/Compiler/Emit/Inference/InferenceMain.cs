using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Inference;

/// <summary>
/// The values of main in inference. After the last repeated block only the rows matter whose logits are wanted, the last, so what
/// follows it is computed for those alone, unless it reads values from before.
/// </summary>
internal sealed class InferenceMain
{
    private readonly Function _main;
    private readonly EncoderValues? _encoding;
    private readonly string _parts;
    private readonly Identifiers _names = new();
    private readonly HashSet<string> _tail = [];
    private readonly string? _lastBlock;

    /// <param name="graph">Of inference.</param>
    /// <param name="parts">The expression of what tells the parts of a sequence, in a model with token types.</param>
    public InferenceMain(Graph graph, string? parts = null)
    {
        _main = graph.Main;
        _encoding = graph.Encoding;
        _parts = parts is null ? "" : ", " + parts;
        if (_encoding is not null || LastBlock.Of(_main) is not { } last) return;
        _lastBlock = last.Repeat.Outputs[0].Name;
        _tail.UnionWith(last.Tail.SelectMany(n => n.Outputs).Select(o => o.Name));
    }

    /// <summary>The field that a kernel of main reads or writes.</summary>
    public string Field(string value) => value == GraphBuilder.Tokens ? "Tokens.Ids" : value == GraphBuilder.Types ? "Tokens.Types" : value == _lastBlock ? Name(value) + "Last" : Name(value);

    private string Name(string value) => _names[value];

    public void Class(SourceWriter writer, List<InferenceBlock> blocks)
    {
        var types = _main.Types();
        writer.Line("/// <summary>Values for a pass of n rows.</summary>");
        using (writer.Block("private sealed class InferenceValues : " + (_encoding is null ? "IPassValues" : "IDisposable")))
        {
            writer.Lines("private readonly TensorPool _pool;", "", "public int Rows { get; }", "", "public TokenBuffer Tokens { get; }", "");
            var values = _main.Nodes.SelectMany(n => n.Outputs).Select(o => o.Name).ToList();
            foreach (var value in values) writer.Line($"public readonly Tensor {Name(value)};  {Activations.Comment(types[value])}");
            if (_lastBlock is not null) writer.Line($"public readonly Tensor {Name(_lastBlock)}Last;  // its rows whose logits are wanted, the last");
            foreach (var block in blocks) block.FieldsOfMain(writer);
            if (_encoding is null) writer.Line().Line($"public Tensor Logits => {Name(_main.Outputs[0])};");
            writer.Line();
            using (writer.Block($"public InferenceValues(Device device, int n{(_encoding is null ? ", int wanted" : "")})"))
            {
                writer.Lines("_pool = new TensorPool(device);", "Rows = n;", $"Tokens = new TokenBuffer(n, device{_parts});");
                foreach (var node in _main.Nodes)
                {
                    if (OpTable.IsRepeat(node))
                        blocks.Single(b => b.Name == node.Attributes.String("block")).ConstructActivations(writer, Name(node.Outputs[0].Name));
                    else
                        foreach (var output in node.Outputs)
                            writer.Line($"{Name(output.Name)} = {Empty(output.Type!, _tail.Contains(output.Name) ? "wanted" : "n")};");
                }
                if (_lastBlock is not null) writer.Line($"{Name(_lastBlock)}Last = _pool.LastRows({Name(_lastBlock)}, wanted);");
            }
            writer.Line();
            using (writer.Block("public void Dispose()")) writer.Lines("Tokens.Dispose();", "_pool.Dispose();");
        }
    }

    /// <summary>A new tensor for a value of this many rows.</summary>
    public static string Empty(TensorType type, string rows, string pool = "_pool") =>
        $"{pool}.Empty({ScalarType(type.DType)}, {Activations.Shape(type, rows)})";
}
