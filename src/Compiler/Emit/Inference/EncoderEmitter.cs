using ModelCompiler.Compiler.Emit.Training;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Inference;

/// <summary>
/// The forward pass of an encoder over one sequence of any length up to the context: the vectors of its tokens, and from them what
/// the heads say. The values have views for the length of the last sequence.
/// </summary>
internal static class EncoderEmitter
{
    /// <summary>The field of what kernels are told of the only sequence.</summary>
    public const string Lengths = "_lengths";

    private static readonly string[] Usings =
        ["System", "ModelCompiler.Runtime", "ModelCompiler.Runtime.Inference", "ModelCompiler.Runtime.Memory", "ModelCompiler.Runtime.Training", "TorchSharp", "static TorchSharp.torch",
         EmitContext.KernelsAlias];

    public static GeneratedFile Emit(EmitContext context) => context.File(
        ".Inference", $"{context.Name}: encoding a sequence", Usings, $"partial class {context.Name}", writer =>
        {
            var graph = context.Model.Inference;
            var main = new InferenceMain(graph, ObjectiveEmitter.Parts(context));
            var blocks = graph.Blocks.Select(b => new InferenceBlock(context, graph, b)).ToList();
            var heads = Heads(graph).ToList();
            writer.Line("/// <summary>The forward pass over a whole sequence, batch 1.</summary>");
            using (writer.Block("private sealed class EncoderProgram : IEncoderProgram"))
            {
                Fields(writer, context, heads, blocks);
                using (writer.Block($"public EncoderProgram({context.Name} model)"))
                {
                    writer.Lines($"p = new MainParameters({ParametersEmitter.Stores(context.Model, "", "model")});", "_device = model.Device;");
                    foreach (var block in blocks) block.Construct(writer);
                }
                writer.Line().Lines("public int Context => Size;", "", $"public int Width => {Number(graph.Main.Types()[graph.Encoding!.Hidden].Last.Value)};");
                Api(writer, context, main, heads);
                var known = new HashSet<Node>();
                foreach (var head in heads) Pass(writer, context, main, blocks, head, known);
                foreach (var block in blocks) block.Function(writer);
            }
            writer.Line();
            main.Class(writer, blocks);
            foreach (var block in blocks) block.Class(writer);
        });

    /// <summary>What the program can be asked for; the vectors first, which the others start from.</summary>
    private static IEnumerable<Head> Heads(Graph graph)
    {
        var encoding = graph.Encoding!;
        yield return new("Encode", "Body", "_hidden", encoding.Hidden);
        if (encoding.Logits is { } logits) yield return new("Predict", "Head", "_logits", logits);
        if (encoding.Classes is { } classes) yield return new("Classify", "Classifier", "_classes", classes);
    }

    private static void Fields(SourceWriter writer, EmitContext context, List<Head> heads, List<InferenceBlock> blocks)
    {
        writer.Lines(
            $"private const int Size = {Number(context.Model.Spec.Architecture.Context)}, B = 1;",
            "", "private readonly MainParameters p;", "private readonly Device _device;");
        foreach (var block in blocks) block.Fields(writer);
        writer.Lines(
            $"private readonly int[] {Lengths} = [0];",
            "private InferenceValues? _activations;",
            $"private float[] {string.Join(", ", heads.Select(h => h.Buffer + " = []"))};", "");
    }

    private static void Api(SourceWriter writer, EmitContext context, InferenceMain main, List<Head> heads)
    {
        foreach (var head in heads)
        {
            writer.Line();
            using (writer.Block($"public ReadOnlySpan<float> {head.Method}(ReadOnlySpan<int> tokens)"))
            {
                writer.Lines("var s = Load(tokens);", "RunBody(s);");
                if (head != heads[0]) writer.Line($"Run{head.Pass}(s);");
                writer.Line($"return TokenBuffer.Read(s.{main.Field(head.Value)}, ref {head.Buffer});");
            }
        }
        writer.Line().Line("public void Dispose() => _activations?.Dispose();").Line();
        using (writer.Block("private InferenceValues Load(ReadOnlySpan<int> tokens)"))
        {
            writer.Line($"TokenBuffer.Check(tokens, 1, 0, Size, {Number(context.Model.Spec.Architecture.Vocabulary)});");
            using (writer.Block("if (_activations?.Rows != tokens.Length)"))
                writer.Lines("_activations?.Dispose();", "_activations = new InferenceValues(_device, tokens.Length);");
            writer.Lines("_activations.Tokens.Write(tokens);", $"{Lengths}[0] = tokens.Length;", "return _activations;");
        }
    }

    /// <summary>The nodes that a result needs and that no pass before has.</summary>
    private static void Pass(SourceWriter writer, EmitContext context, InferenceMain main, List<InferenceBlock> blocks, Head head, HashSet<Node> known)
    {
        var names = ParametersEmitter.Names(context.Model, "");
        var function = context.Model.Inference.Main;
        var kernels = new KernelWriter(context, function, value => function.Parameters.Any(p => p.Name == value) ? "p." + names[value] : "s." + main.Field(value), cached: false) { Lengths = Lengths };
        var needed = new HashSet<string> { head.Value };
        foreach (var node in function.Nodes.Reverse().Where(n => n.Outputs.Any(o => needed.Contains(o.Name)))) needed.UnionWith(node.Uses);
        writer.Line();
        using (writer.Block($"private void Run{head.Pass}(InferenceValues s)"))
        {
            var nodes = function.Nodes.Where(n => n.Outputs.Any(o => needed.Contains(o.Name)) && known.Add(n)).ToList();
            if (nodes.Any(n => OpTable.IsRepeat(n) || n.Op == "add_position")) writer.Line("var T = s.Rows;");
            foreach (var node in nodes)
            {
                if (OpTable.IsRepeat(node)) blocks.Single(b => b.Name == node.Attributes.String("block")).Loop(writer);
                else kernels.Write(writer, node);
            }
        }
    }

    /// <param name="Method">How it is asked for.</param>
    /// <param name="Pass">The method that computes it.</param>
    /// <param name="Buffer">Where it is copied.</param>
    /// <param name="Value">The value of main.</param>
    private sealed record Head(string Method, string Pass, string Buffer, string Value);
}
