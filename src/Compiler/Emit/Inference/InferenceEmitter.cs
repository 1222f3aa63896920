using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Layers;
using ModelCompiler.Compiler.Ops;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Inference;

/// <summary>
/// The forward pass over a key-value cache, for a batch of one: in chunks while a prompt is long, then token by token.
/// Both sizes have views of their own, made once.
/// </summary>
internal static class InferenceEmitter
{
    private const int Chunk = 64;

    private static readonly string[] Usings =
        ["System", "ModelCompiler.Runtime", "ModelCompiler.Runtime.Inference", "ModelCompiler.Runtime.Memory", "ModelCompiler.Runtime.Training", "TorchSharp", "static TorchSharp.torch",
         EmitContext.KernelsAlias];

    public static GeneratedFile Emit(EmitContext context) => context.File(
        ".Inference", $"{context.Name}: generation with a key-value cache", Usings, $"partial class {context.Name}", writer =>
        {
            var graph = context.Model.Inference;
            var main = new InferenceMain(graph);
            var blocks = graph.Blocks.Select(b => new InferenceBlock(context, graph, b)).ToList();
            writer.Line("/// <summary>The forward pass over a key-value cache, batch 1.</summary>");
            using (writer.Block("private sealed class InferenceProgram : IInferenceProgram"))
            {
                var memory = MemoryLengths.Of(context.Model.Spec).Evaluation;
                if (memory > 0) writer.Line($"private const int Memory = {Number(memory)};  // positions before the segment of Size");
                writer.Lines(
                    $"private const int Size = {Number(context.Model.Spec.Architecture.Context)}, Chunk = {Number(Math.Min(Chunk, context.Model.Spec.Architecture.Context))};",
                    "", "private readonly MainParameters p;", "private readonly InferenceActivations _chunk, _single;",
                    $"private readonly float[] _logits = new float[{Number(context.Model.Spec.Architecture.Vocabulary)}];");
                foreach (var block in blocks) block.Fields(writer);
                writer.Line();
                using (writer.Block($"public InferenceProgram({context.Name} model)"))
                {
                    writer.Lines(
                        $"p = new MainParameters({ParametersEmitter.Stores(context.Model, "", "model")});",
                        "_chunk = new InferenceActivations(model.Device, Chunk);",
                        "_single = new InferenceActivations(model.Device, 1);");
                    foreach (var block in blocks) block.Construct(writer);
                }
                writer.Line();
                Api(writer, blocks, memory > 0);
                writer.Line();
                Run(writer, context, main, blocks);
                foreach (var block in blocks) block.Function(writer);
            }
            writer.Line();
            main.Class(writer, blocks);
            foreach (var block in blocks) block.Class(writer);
        });

    private static void Api(SourceWriter writer, List<InferenceBlock> blocks, bool remembers)
    {
        if (remembers) writer.Line("// After Size tokens the segment becomes memory: there is no end.");
        writer.Lines(
            $"public int Context => {(remembers ? "int.MaxValue" : "Size")};", "",
            "public int Position { get; private set; }", "",
            "public void Reset() => Position = 0;", "");
        using (writer.Block("public ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens)"))
        {
            writer.Line($"TokenBuffer.Check(tokens, Position, {(remembers ? "Context" : "Size")}, _logits.Length);");
            using (writer.Block("while (tokens.Length > 0)"))
            {
                if (remembers) writer.Line("var position = Position % Size;  // in the segment, over whose end no chunk goes");
                writer.Lines(
                    $"var s = tokens.Length >= Chunk{(remembers ? " && position <= Size - Chunk" : "")} ? _chunk : _single;",
                    "s.Tokens.Write(tokens[..s.Rows]);",
                    remembers ? "Run(s, position, Math.Min(Position - position, Memory));" : "Run(s, Position);",
                    "Position += s.Rows;",
                    "tokens = tokens[s.Rows..];",
                    "if (tokens.Length == 0) TokenBuffer.Read(s.Logits, _logits);");
            }
            writer.Line("return _logits;");
        }
        writer.Line();
        using (writer.Block("public void Dispose()"))
        {
            writer.Lines("_chunk.Dispose();", "_single.Dispose();");
            foreach (var block in blocks) block.DisposeCaches(writer);
        }
    }

    private static void Run(SourceWriter writer, EmitContext context, InferenceMain main, List<InferenceBlock> blocks)
    {
        var names = ParametersEmitter.Names(context.Model, "");
        var function = context.Model.Inference.Main;
        var kernels = new KernelWriter(context, function, value => function.Parameters.Any(p => p.Name == value) ? "p." + names[value] : "s." + main.Field(value), cached: true);
        var remembered = MemoryLengths.Of(context.Model.Spec).Evaluation > 0 ? ", int remembered" : "";
        using (writer.Block($"private void Run(InferenceActivations s, int position{remembered})"))
        {
            foreach (var node in function.Nodes)
            {
                if (OpTable.IsRepeat(node)) blocks.Single(b => b.Name == node.Attributes.String("block")).Loop(writer);
                else kernels.Write(writer, node);
            }
        }
    }
}
