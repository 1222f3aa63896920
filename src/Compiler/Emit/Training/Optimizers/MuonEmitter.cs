using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training.Optimizers;

/// <summary>Muon: the table of the matrices that it orthogonalizes is known at build time.</summary>
internal sealed class MuonEmitter : OptimizerEmitter
{
    /// <summary>
    /// Elements that are orthogonalized together on the CPU, if a single matrix has no more. What they are calculated in is memory of the step, but
    /// one by one they take a third longer (benchmarks -- optimizers).
    /// </summary>
    private const long Batch = 1 << 21;

    public override OptimizerKind Kind => OptimizerKind.Muon;

    public override string Type => "MuonOptimizer";

    public override long StateBytes(CompiledModel model)
    {
        var matrices = Matrices(model).Sum(m => m.Slot.Sets * m.Rows * m.Columns);
        return (matrices * 4) + ((model.Layout.Count - matrices) * 8);
    }

    /// <summary>Of the runtime's batches on the CPU: see <c>MuonOptimizer</c>, which calculates in two copies of the largest and two of its Gram matrices.</summary>
    public override long WorkBytes(CompiledModel model)
    {
        var (large, small) = (0L, 0L);
        foreach (var (slot, _, _, rows, columns) in Matrices(model))
        {
            var (count, side) = (Math.Min(Math.Max(1, Batch / (rows * columns)), slot.Sets), Math.Min(rows, columns));
            (large, small) = (Math.Max(large, count * rows * columns), Math.Max(small, count * side * side));
        }

        return 2 * (model.Spec.Efficiency.Precision.Compute == Precision.Bf16 ? 2 : 4) * (large + small);
    }

    public override void Members(SourceWriter writer, EmitContext context)
    {
        writer.Line().Line("// What Muon orthogonalizes; AdamW updates the embeddings, the head and the vectors.");
        using (writer.Block("private static readonly MatrixGroup[] s_matrices =", ";", '[', ']'))
        {
            foreach (var (slot, name, offset, rows, columns) in Matrices(context.Model))
                writer.Line(
                    $"new(Offset: {Grouped(offset)}, Stride: {Grouped(slot.Stride)}, Count: {Number(slot.Sets)}, "
                    + $"Rows: {Number(rows)}, Columns: {Number(columns)}),  // {(slot.Block.Length > 0 ? BlockNames.Layers(slot.Block) + "." : "")}{name}");
        }
    }

    protected override IEnumerable<string> Arguments(CompiledModel model)
    {
        var spec = model.Spec.Training.Optimizer;
        return
        [
            "s_matrices",
            Argument("momentum", spec.Momentum ?? 0.95), Argument("nesterov", spec.Nesterov ?? true), Argument("adamwRate", spec.AdamwRate),
            Argument("beta1", spec.Beta1), Argument("beta2", spec.Beta2 ?? 0.95), Argument("epsilon", spec.Epsilon),
            Argument("cpuBatch", Batch),
        ];
    }

    /// <summary>The matrices of linear layers but those that give logits, in the layout's order; those that lie packed are matrices of their own.</summary>
    private static IEnumerable<(ParameterSlot Slot, string Name, long Offset, long Rows, long Columns)> Matrices(CompiledModel model)
    {
        var main = model.Inference.Main;
        string?[] logits = model.Inference.Encoding is { } encoding ? [encoding.Logits, encoding.Classes] : [main.Outputs[0]];
        var others = new HashSet<string>(main.Nodes
            .Where(node => node.Op is "embedding" or "add_position" || node.Outputs.Any(output => logits.Contains(output.Name)))
            .SelectMany(node => node.Uses)
            .SelectMany(name => main.Parameters.Where(p => p.Name == name).Select(p => p.SharedWith ?? p.Name)));
        var taps = new HashSet<(string, string)>(model.Inference.Blocks.Append(main).SelectMany(f => f.Nodes.Where(n => n.Op == "convolution")
            .Select(n => (f == main ? "" : f.Name, n.Inputs[1]))));
        foreach (var slot in model.Layout.Slots.Where(slot => slot.Parameter.IsMatrix && !taps.Contains((slot.Block, slot.Parameter.Name))))
        {
            if (slot.Block.Length == 0 && others.Contains(slot.Parameter.Name)) continue;
            var (offset, columns) = (slot.Offset, slot.Parameter.Type.Shape[1].Value);
            foreach (var part in slot.Parameter.Parts)
            {
                yield return (slot, part.Name, offset, part.Rows.Value, columns);
                offset += (long)part.Rows.Value * columns;
            }
        }
    }
}
