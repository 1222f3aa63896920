using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// Rows of the experts [B, T, k, C], gates [B, T, k], the row of each choice, the choice of each row → y [B, T, C]: the sum over a
/// position's choices of gate times row, without those that were dropped.
/// </summary>
public sealed class Combine : Op
{
    public override string Name => "combine";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs.Rank(1, 3).Elements == inputs.Rank(0, 4).Rows, "there must be a gate for each row");
        return [DispatchGrad.Sum(inputs[0])];
    }

    public override long Flops(Inputs inputs) => 2 * inputs[0].Elements;

    public override void Differentiate(GradientBuilder g) =>
        g.Emit("combine_grad", Attributes.None, [g.OutputGradient, g.Input(0), g.Input(1), g.Input(2), g.Input(3)], 0, 1);

    public override KernelCall Lower(Inputs inputs) => new("Combine", In(0), In(1), In(2), Out(0));

    public override OnnxCall? Export(Inputs inputs) => new("Combine", In(0), In(1), In(2));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (rows, gates, slots, k) = (inputs[0], inputs[1].Data, inputs[2].Data, inputs[2].Last);
        var y = ReferenceTensor.Zeros(rows.Shape[0], rows.Shape[1], rows.Last);
        for (var i = 0; i < slots.Length; i++)
            for (var c = 0; c < rows.Last && slots[i] >= 0; c++)
                y.Data[(i / k * rows.Last) + c] += gates[i] * rows.Data[((int)slots[i] * rows.Last) + c];
        return [y];
    }
}

/// <summary>dy [B, T, C], rows, gates, the row of each choice, the choice of each row → drows [B, T, k, C], dgates fp32 [B, T, k].</summary>
public sealed class CombineGrad : Op
{
    public override string Name => "combine_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1], inputs[2].With(DType.F32)];

    public override long Flops(Inputs inputs) => 3 * inputs[1].Elements;

    public override KernelCall Lower(Inputs inputs) => new("CombineGrad", In(0), In(1), In(2), In(3), In(4), Out(0), Out(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, rows, gates, slots, k) = (inputs[0].Data, inputs[1], inputs[2], inputs[3].Data, inputs[3].Last);
        var (dRows, dGates, width) = (rows.Like(), gates.Like(), rows.Last);
        for (var i = 0; i < slots.Length; i++)
            for (var c = 0; c < width && slots[i] >= 0; c++)
            {
                var (row, at) = (((int)slots[i] * width) + c, (i / k * width) + c);
                dRows.Data[row] = gates.Data[i] * dy[at];
                dGates.Data[i] += rows.Data[row] * dy[at];
            }
        return [dRows, dGates];
    }
}
