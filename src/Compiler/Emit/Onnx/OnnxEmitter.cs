using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Onnx;

/// <summary>
/// The method that writes the model's forward pass into an ONNX graph, layer by layer, with the weights that it has. A repeated block
/// is a method of its own and a loop over layers.
/// </summary>
internal static class OnnxEmitter
{
    private static readonly string[] Usings =
        ["System", "ModelCompiler.Runtime", "ModelCompiler.Runtime.Onnx", "ModelCompiler.Runtime.Training", "static TorchSharp.torch"];

    public static GeneratedFile Emit(EmitContext context) => context.File(
        ".Onnx", $"{context.Name}: its ONNX graph", Usings, $"partial class {context.Name}", writer =>
        {
            var graph = context.Model.Export;
            writer.Line("/// <inheritdoc/>");
            if (Obstacle(graph) is { } obstacle)
            {
                writer.Line($"public void Define(OnnxGraph graph) => throw new NotSupportedException(\"{context.Name} has no ONNX form: nothing there does what '{obstacle.Op}' does ({context.Place(obstacle.Origin)}). Run it with engine torch.\");");
                return;
            }
            using (writer.Block("public void Define(OnnxGraph graph)")) Main(writer, context, graph);
            foreach (var block in graph.Blocks) Block(writer, context, block);
        });

    /// <summary>The first node without a form in ONNX.</summary>
    private static Node? Obstacle(Graph graph)
    {
        foreach (var function in graph.Blocks.Append(graph.Main))
        {
            var types = function.Types();
            foreach (var node in function.Nodes.Where(n => !OpTable.IsRepeat(n)))
                if (OpTable.Find(node.Op).Export(Inputs(node, types)) is null) return node;
        }
        return null;
    }

    private static void Main(SourceWriter writer, EmitContext context, Graph graph)
    {
        var (main, locals) = (graph.Main, new Locals());
        if (main.Parameters.Count > 0) writer.Line("var p = new MainParameters(graph.Parameters);");
        if (graph.Encoding is { } encoding)
        {
            Encoder(writer, context, graph, encoding, locals);
            return;
        }
        var calls = new CallWriter(context, main, "", locals.Spell);
        var rows = LastBlock.Of(main)?.Repeat;
        foreach (var node in main.Nodes)
        {
            Write(writer, graph, calls, node, locals.Spell);
            if (node == rows) writer.Line($"{locals[node.Outputs[0].Name]} = graph.Rows({locals[node.Outputs[0].Name]});  // what follows is wanted of some rows only");
        }
        var output = locals[main.Outputs[0]];
        writer.Line(rows is null ? $"graph.Output(graph.Rows({output}));" : $"graph.Output({output});");
    }

    /// <summary>The vectors of all tokens, and from them what the heads say: logits of the rows that are asked for.</summary>
    private static void Encoder(SourceWriter writer, EmitContext context, Graph graph, EncoderValues encoding, Locals locals)
    {
        var (main, written) = (graph.Main, new HashSet<Node>());
        Slice(encoding.Hidden, locals.Spell);
        writer.Line($"graph.Hidden({locals[encoding.Hidden]});");
        if (encoding.Classes is { } classes)
        {
            Slice(classes, locals.Spell);
            writer.Line($"graph.Classes({locals[classes]});");
        }
        if (encoding.Logits is { } logits)
        {
            writer.Line($"var rows = graph.Rows({locals[encoding.Hidden]});  // the head is wanted of some rows only");
            Slice(logits, value => value == encoding.Hidden ? "rows" : locals.Spell(value));
            writer.Line($"graph.Output({locals[logits]});");
        }

        // The nodes that a result needs and that are not there yet.
        void Slice(string result, Func<string, string> spell)
        {
            var needed = new HashSet<string> { result };
            foreach (var node in main.Nodes.Reverse().Where(n => n.Outputs.Any(o => needed.Contains(o.Name)))) needed.UnionWith(node.Uses);
            var calls = new CallWriter(context, main, "", spell);
            foreach (var node in main.Nodes.Where(n => n.Outputs.Any(o => needed.Contains(o.Name)) && written.Add(n)))
                Write(writer, graph, calls, node, spell);
        }
    }

    private static void Write(SourceWriter writer, Graph graph, CallWriter calls, Node node, Func<string, string> spell)
    {
        if (OpTable.IsRepeat(node)) Loop(writer, graph, node, spell);
        else calls.Write(writer, node);
    }

    private static void Loop(SourceWriter writer, Graph graph, Node repeat, Func<string, string> spell)
    {
        var (block, output) = (repeat.Attributes.String("block"), spell(repeat.Outputs[0].Name));
        var type = Identifiers.Pascal(block);
        writer.Line($"var {output} = {spell(repeat.Inputs[0])};");
        writer.Nested(
            $"for (var i = 0; i < {Number(graph.Times(block))}; i++)",
            $"{output} = {type}Onnx(graph.Layer({Text(BlockNames.Whole(block))}, {ParametersEmitter.Layer(block)}), {output}, new {type}Parameters(graph.Parameters, {ParametersEmitter.Set("i", graph.LayersOfSet(block))}));");
    }

    private static void Block(SourceWriter writer, EmitContext context, Function block)
    {
        var (locals, type) = (new Locals(), Identifiers.Pascal(block.Name));
        string Spell(string value) => value == block.Inputs[0].Name ? "input" : locals[value];
        var calls = new CallWriter(context, block, block.Name, Spell);
        writer.Line();
        using (writer.Block($"private static OnnxValue {type}Onnx(OnnxGraph graph, OnnxValue input, {type}Parameters p)"))
        {
            foreach (var node in block.Nodes) calls.Write(writer, node);
            writer.Line($"return {Spell(block.Outputs[0])};");
        }
    }

    private static Inputs Inputs(Node node, Dictionary<string, TensorType> types) =>
        new(node, node.Inputs.Select(i => i.Length == 0 ? null : types[i]).ToArray());

    /// <summary>Writes nodes as calls of the graph.</summary>
    private sealed class CallWriter(EmitContext context, Function function, string block, Func<string, string> spell)
    {
        private readonly Dictionary<string, TensorType> _types = function.Types();
        private readonly Identifiers _parameters = ParametersEmitter.Names(context.Model, block);

        public void Write(SourceWriter writer, Node node)
        {
            var inputs = Inputs(node, _types);
            var call = OpTable.Find(node.Op).Export(inputs)!;
            var name = node.Outputs[0].Name;
            string Value(string value) => function.Parameters.Any(p => p.Name == value) ? "p." + _parameters[value] : spell(value);
            var arguments = call.Arguments.Select(argument => argument.Kind switch
            {
                KernelArgumentKind.Input => inputs.Has(argument.Index) ? Value(node.Inputs[argument.Index]) : "null",
                KernelArgumentKind.Array => "[" + string.Join(", ", node.Inputs.Take(argument.Index).Select(Value)) + "]",
                _ => argument.Text,
            });
            var results = string.Join(", ", node.Outputs.Take(call.Results).Select(output => spell(output.Name)));
            var target = call.Results > 1 ? $"({results})" : results;
            var statement = $"var {target} = graph.{call.Method}({string.Join(", ", arguments.Prepend(Text(name)))});".PadRight(100);
            writer.Line($"{statement} // {_types[name]}  {context.Place(node.Origin)}");
        }
    }

    /// <summary>C# names of local variables: attention.qkv is attentionQkv.</summary>
    private sealed class Locals
    {
        private readonly Identifiers _names = new();

        /// <summary>How a value of main is written.</summary>
        public string Spell(string value) => value switch
        {
            GraphBuilder.Tokens => "graph.Tokens",
            GraphBuilder.Types => "graph.Types",
            _ => this[value],
        };

        public string this[string value]
        {
            get
            {
                var name = _names[value];
                var local = char.ToLowerInvariant(name[0]) + name.Substring(1);
                return CSharpName.IsKeyword(local) || local is "graph" or "input" or "rows" or "p" or "i" ? local + "Value" : local;
            }
        }
    }
}
