using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>x [B, T, C] + weight [T, C], the learned position embedding.</summary>
public sealed class AddPosition : Op
{
    public override string Name => "add_position";

    public override bool Cheap => true;

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (x, weight) = (inputs.Rank(0, 3), inputs.Rank(1, 2));
        inputs.Require(x.Shape[1].Value <= weight.Shape[0].Value && x.Last.Value == weight.Last.Value, "the weight must be [context, C]");
        inputs.Require(x.DType == weight.DType, "element types differ");
        return [x];
    }

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override void Differentiate(GradientBuilder g)
    {
        g.Emit("add_position_grad", Attributes.Of(("rows", g.Attributes.Long("rows"))), [g.OutputGradient, g.Prior(1)], 1);
        g.PassThrough(0);
    }

    public override void Linearize(TangentBuilder t) => t.Emit(0, Name, t.Attributes, t.Tangent(0), t.Tangent(1));

    public override KernelCall Lower(Inputs inputs) => new("AddPosition", In(0), In(1), "T", Out(0))
    {
        Cached = new("AddPositionAt", In(0), In(1), "at", Out(0)),
    };

    public override OnnxCall? Export(Inputs inputs) =>
        new("AddPosition", In(0), In(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, weight, y) = (inputs[0], inputs[1], inputs[0].Like());
        var period = (int)x.Shape[1] * x.Last;
        for (var i = 0; i < y.Data.Length; i++) y.Data[i] = x.Data[i] + weight.Data[i % period];
        return [y];
    }
}

/// <summary>dy [B, T, C] → its sum over B, fp32 [rows, C], added to the optional second input.</summary>
public sealed class AddPositionGrad : Op
{
    public override string Name => "add_position_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) =>
        [TensorType.Of(DType.F32, Dim.Of(inputs.Attributes.Long("rows")), inputs.Rank(0, 3).Last)];

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override void Linearize(TangentBuilder t) => t.Emit(0, Name, t.Attributes, t.Tangent(0), t.Tangent(1));

    public override KernelCall Lower(Inputs inputs) => new("AddPositionGrad", In(0), "T", Accumulate(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, rows) = (inputs[0], inputs.Attributes.Long("rows"));
        var dw = inputs.Prior(1, (int)rows * dy.Last);
        var period = (int)dy.Shape[1] * dy.Last;
        for (var i = 0; i < dy.Data.Length; i++) dw[i % period] += dy.Data[i];
        return [new(dw, [rows, dy.Last])];
    }
}
