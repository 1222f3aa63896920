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
        ".Inference", $"{context.Name}: generation with a key-value cache", LinearForms.Declared(context.Model) ? [.. Usings, "ModelCompiler.Runtime.Inference.Packed"] : Usings, $"partial class {context.Name}", writer =>
        {
            var graph = context.Model.Inference;
            var main = new InferenceMain(graph);
            var (packs, forms) = (LinearForms.Declared(context.Model), new LinearForms(context, graph.Main));
            var blocks = graph.Blocks.Select(b => new InferenceBlock(context, graph, b)).ToList();
            writer.Line("/// <summary>The forward pass over key-value caches.</summary>");
            using (writer.Block("private sealed class InferenceProgram : SequenceProgram<InferenceValues>"))
            {
                var (architecture, memory) = (context.Model.Spec.Architecture, MemoryLengths.Of(context.Model.Spec).Evaluation);
                if (memory > 0) writer.Line($"private const int Positions = {Number(memory)};  // of the memory, before the segment of Size");
                writer.Lines(
                    $"private const int Size = {Number(architecture.Context)};",
                    "", "private readonly MainParameters p;");
                if (forms.Any) writer.Line($"private readonly {forms.Type} w;");
                foreach (var block in blocks) block.Fields(writer);
                writer.Line().Line($"public InferenceProgram({context.Name} model, int batch{(packs ? ", PackedWeights? packed" : "")})");
                using (writer.Block($"    : base(model.Device, batch, Size, vocabulary: {Number(architecture.Vocabulary)})"))
                {
                    if (packs) writer.Line("var store = packed?.Parameters ?? model.Parameters;");
                    writer.Line($"p = new MainParameters({Stores(context.Model, "")});");
                    if (forms.Any) writer.Line($"w = new {forms.Type}(packed, p);");
                    foreach (var block in blocks) block.Construct(writer);
                }
                writer.Line();
                if (memory > 0) writer.Lines("// After Size tokens the segment becomes memory: there is no end.", "protected override int Memory => Positions;", "");
                if (blocks.Any(b => b.HasStates)) writer.Lines("// A convolution remembers its last rows, and not those before.", "protected override bool HasState => true;", "");
                writer.Lines("protected override InferenceValues Allocate(int rows, int wanted) => new(Device, rows, wanted);", "");
                Run(writer, context, main, blocks, forms);
                foreach (var block in blocks) block.Function(writer);
            }
            writer.Line();
            main.Class(writer, blocks);
            forms.Class(writer);
            foreach (var block in blocks) block.Class(writer);
        });

    /// <summary>The stores that a function's parameters lie in, within a program's constructor.</summary>
    public static string Stores(CompiledModel model, string block) => LinearForms.Declared(model)
        ? ParametersEmitter.Stores(model, block, trained: "store", frozen: "model.Frozen")
        : ParametersEmitter.Stores(model, block, "model");

    private static void Run(SourceWriter writer, EmitContext context, InferenceMain main, List<InferenceBlock> blocks, LinearForms forms)
    {
        var names = ParametersEmitter.Names(context.Model, "");
        var function = context.Model.Inference.Main;
        var kernels = new KernelWriter(context, function, value => function.Parameters.Any(p => p.Name == value) ? "p." + names[value] : "s." + main.Field(value), cached: true) { Weight = forms.Spell };
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
