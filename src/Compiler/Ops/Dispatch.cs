using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>x [B, T, C], the choice of each row, the row of each choice → the rows of the experts [B, T, k, C], zeros where there is none.</summary>
public sealed class Dispatch : Op
{
    public override string Name => "dispatch";

    public override bool Cheap => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (x, sources) = (inputs.Rank(0, 3), inputs.Rank(1, 3));
        return [x with { Shape = ModelDsl.EquatableArray.Of(x.Shape[0], x.Shape[1], sources.Last, x.Last) }];
    }

    public override void Differentiate(GradientBuilder g) => g.Emit("dispatch_grad", Attributes.None, [g.OutputGradient, g.Input(2)], 0);

    public override KernelCall Lower(Inputs inputs) => new("Dispatch", In(0), In(1), Out(0));

    public override OnnxCall? Export(Inputs inputs) => new("Dispatch", In(0), In(1), inputs[1].Last.Value);

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, sources, k) = (inputs[0], inputs[1].Data, inputs[1].Last);
        var y = ReferenceTensor.Zeros(x.Shape[0], x.Shape[1], k, x.Last);
        for (var r = 0; r < sources.Length; r++)
            if (sources[r] >= 0) System.Array.Copy(x.Data, (int)sources[r] / k * x.Last, y.Data, r * x.Last, x.Last);
        return [y];
    }
}

/// <summary>drows [B, T, k, C], the row of each choice → dx [B, T, C], the sum over a position's choices.</summary>
public sealed class DispatchGrad : Op
{
    public override string Name => "dispatch_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [Sum(inputs.Rank(0, 4))];

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override KernelCall Lower(Inputs inputs) => new("DispatchGrad", In(0), In(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dRows, slots, k) = (inputs[0], inputs[1].Data, inputs[1].Last);
        var dx = ReferenceTensor.Zeros(dRows.Shape[0], dRows.Shape[1], dRows.Last);
        for (var i = 0; i < slots.Length; i++)
            for (var c = 0; c < dRows.Last && slots[i] >= 0; c++)
                dx.Data[(i / k * dRows.Last) + c] += dRows.Data[((int)slots[i] * dRows.Last) + c];
        return [dx];
    }

    /// <summary>The type of a sum over choices.</summary>
    internal static TensorType Sum(TensorType rows) => rows with { Shape = ModelDsl.EquatableArray.Of(rows.Shape[0], rows.Shape[1], rows.Last) };
}
