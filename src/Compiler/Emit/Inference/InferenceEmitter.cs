using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Layers;
using ModelCompiler.Compiler.Ops;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Inference;

/// <summary>
/// The forward pass over key-value caches: of new tokens of one sequence, or of one token of each of several. What surrounds the pass,
/// positions, chunks and buffers, is the same for all models and is not generated.
/// </summary>
internal static class InferenceEmitter
{
    private static readonly string[] Usings =
        ["System", "ModelCompiler.Runtime", "ModelCompiler.Runtime.Inference", "ModelCompiler.Runtime.Memory", "ModelCompiler.Runtime.Training", "TorchSharp", "static TorchSharp.torch",
         EmitContext.KernelsAlias];

    public static GeneratedFile Emit(EmitContext context) => context.File(
        ".Inference", $"{context.Name}: generation with a key-value cache", Usings, $"partial class {context.Name}", writer =>
        {
            var graph = context.Model.Inference;
            var main = new InferenceMain(graph);
            var blocks = graph.Blocks.Select(b => new InferenceBlock(context, graph, b)).ToList();
            writer.Line("/// <summary>The forward pass over key-value caches.</summary>");
            using (writer.Block("private sealed class InferenceProgram : SequenceProgram<InferenceValues>"))
            {
                var (architecture, memory) = (context.Model.Spec.Architecture, MemoryLengths.Of(context.Model.Spec).Evaluation);
                if (memory > 0) writer.Line($"private const int Positions = {Number(memory)};  // of the memory, before the segment of Size");
                writer.Lines(
                    $"private const int Size = {Number(architecture.Context)};",
                    "", "private readonly MainParameters p;");
                foreach (var block in blocks) block.Fields(writer);
                writer.Line().Line($"public InferenceProgram({context.Name} model, int batch)");
                using (writer.Block($"    : base(model.Device, batch, Size, vocabulary: {Number(architecture.Vocabulary)})"))
                {
                    writer.Line($"p = new MainParameters({ParametersEmitter.Stores(context.Model, "", "model")});");
                    foreach (var block in blocks) block.Construct(writer);
                }
                writer.Line();
                if (memory > 0) writer.Lines("// After Size tokens the segment becomes memory: there is no end.", "protected override int Memory => Positions;", "");
                if (blocks.Any(b => b.HasStates)) writer.Lines("// A convolution remembers its last rows, and not those before.", "protected override bool HasState => true;", "");
                writer.Lines("protected override InferenceValues Allocate(int rows, int wanted) => new(Device, rows, wanted);", "");
                Run(writer, context, main, blocks);
                foreach (var block in blocks) block.Function(writer);
            }
            writer.Line();
            main.Class(writer, blocks);
            foreach (var block in blocks) block.Class(writer);
        });

    private static void Run(SourceWriter writer, EmitContext context, InferenceMain main, List<InferenceBlock> blocks)
    {
        var names = ParametersEmitter.Names(context.Model, "");
        var function = context.Model.Inference.Main;
        var kernels = new KernelWriter(context, function, value => function.Parameters.Any(p => p.Name == value) ? "p." + names[value] : "s." + main.Field(value), cached: true);
        using (writer.Block("protected override void Run(InferenceValues s, SequenceRows at)"))
        {
            foreach (var node in function.Nodes)
            {
                if (OpTable.IsRepeat(node)) blocks.Single(b => b.Name == node.Attributes.String("block")).Loop(writer);
                else kernels.Write(writer, node);
            }
        }
    }
}
