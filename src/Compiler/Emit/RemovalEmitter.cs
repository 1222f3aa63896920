using ModelCompiler.Compiler.Emit.Training;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Pruning;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit;

/// <summary>The parts that pruning removes, as rows and columns of parameters, and the smaller model that is made of what is left.</summary>
internal static class RemovalEmitter
{
    private static readonly string[] Usings = ["ModelCompiler.Runtime", "ModelCompiler.Runtime.Training.Pruning"];

    public static GeneratedFile Emit(EmitContext context) => context.File(
        ".Pruning", $"{context.Name}: the parts that are removed", Usings, $"partial class {context.Name}", writer =>
        {
            var (model, smaller) = (context.Model, context.Model.Pruned!.Spec.Model);
            using (writer.Block($"private static readonly PrunedStructure[] s_structures =  // {context.Place("efficiency.pruning.to")}", ";", '[', ']'))
                foreach (var structure in model.Structures) Write(writer, model, structure);
            writer.Line().Lines(
                "/// <inheritdoc/>",
                $"public ICompiledModel RemovePruned() => PrunedModel.Fill(this, {smaller}.Create(Device, Seed), s_structures);");
        });

    private static void Write(SourceWriter writer, CompiledModel model, PrunedStructure structure)
    {
        var groups = $"Groups: {Number(structure.Groups)}, Kept: {Number(structure.Kept)}, Choices: {Number(structure.Choices)}";
        using (writer.Block($"new(PrunedPartKind.{structure.Kind}, {Text(structure.Name)}, {groups}, Axes:", "),", '[', ']'))
            foreach (var axis in structure.Axes)
                writer.Line($"new({Grouped(axis.Offset)}, {Grouped(axis.Stride)}, {Number(axis.Count)}, Rows: {Number(axis.Rows)}, Columns: {Number(axis.Columns)}"
                    + (axis.ByColumns ? $", ByColumns: true, Site: {Number(PruningEmitter.Site(model, axis.Block, axis.Parameter))}" : "")
                    + (axis.Scale != 1 ? $", Scale: {Number(axis.Scale)}" : "") + $"),  // {(axis.Block.Length > 0 ? BlockNames.Layers(axis.Block) + "." : "")}{axis.Part}");
    }
}
