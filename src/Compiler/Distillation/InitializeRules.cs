using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Distillation;

/// <summary>The layers that a student starts as, against those that its teacher has.</summary>
internal static class InitializeRules
{
    private const string Path = "training.distillation.initialize";

    /// <exception cref="PassException">They do not fit.</exception>
    public static void Check(CompiledModel student, TeacherProgram teacher)
    {
        if (student.Spec.Training.Distillation!.Initialize is not { } initialize) return;
        var (block, teaching) = (OnlyBlock(student.Training, student.Spec.Model), OnlyBlock(teacher.Graph, teacher.Name));
        var (layers, sets) = (student.Training.Sets(block), teacher.Graph.Sets(teaching));
        if (initialize.Layers.Count != layers)
            throw Wrong(".layers", $"{student.Spec.Model} has {layers} layers of parameters, but {initialize.Layers.Count} are given; write one for each");
        foreach (var layer in initialize.Layers)
            if (layer >= sets) throw Wrong(".layers", $"{teacher.Name} has {sets} layers, numbered from 0, and none with the number {layer}");

        var known = teacher.Model.Layout.Slots.SelectMany(slot => Parts(slot, teaching)).ToDictionary(part => part.Name, part => part.Shape);
        foreach (var (name, shape) in student.Layout.Slots.Concat(student.Frozen.Slots).SelectMany(slot => Parts(slot, block)))
        {
            if (!known.TryGetValue(name, out var theirs)) continue;
            if (!shape.SequenceEqual(theirs))
                throw Wrong("", $"'{name}' is [{string.Join(", ", shape)}] in {student.Spec.Model} but [{string.Join(", ", theirs)}] in {teacher.Name}; "
                    + "only layers of the same shape can start as the teacher's: give both the same widths and heads, or remove 'initialize'");
        }
    }

    private static PassException Wrong(string key, string message) => new(DiagnosticCatalog.TeacherLayers.At(Path + key, message));

    private static string OnlyBlock(Graph graph, string model)
    {
        var blocks = graph.Main.Nodes.Where(n => n.Op == "repeat").Select(n => n.Attributes.String("block")).ToList();
        return blocks.Count == 1 ? blocks[0] : throw Wrong("", $"{model} has {blocks.Count} repeated blocks; layers are counted in models with one");
    }

    /// <summary>The tensors of a slot as checkpoints name them, that of a layer by the name within its block.</summary>
    private static IEnumerable<(string Name, List<long> Shape)> Parts(ParameterSlot slot, string block) => slot.Parameter.Parts.Select(part =>
        ((slot.Block == block ? "layer " : slot.Block) + part.Name, slot.Parameter.Type.Shape.Skip(1).Prepend(part.Rows).Select(d => d.Value).ToList()));
}
