using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// x [.., C], weight [C] → y [.., C] and the fp32 reciprocal root mean square of each row (Zhang and Sennrich 2019).
/// The weight stays fp32.
/// </summary>
public sealed class RmsNorm : Op
{
    public override string Name => "rms_norm";

    public override bool ByRows => true;

    public override bool Cheap => true;

    public override bool KeepsFullPrecision(int input) => input == 1;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var x = inputs[0];
        inputs.Require(inputs.Rank(1, 1).Last.Value == x.Last.Value && inputs[1].DType == DType.F32, "the weight must be f32[C]");
        return [x, new TensorType(DType.F32, new(x.Shape.Take(x.Shape.Count - 1)))];
    }

    public override long Flops(Inputs inputs) => 5 * inputs[0].Elements;

    public override void Differentiate(GradientBuilder g) => g.Emit(
        "rms_norm_grad", Attributes.None, [g.OutputGradient, g.Input(0), g.Output(1), g.Input(1), g.Prior(1)], 0, 1);

    public override void Linearize(TangentBuilder t) =>
        t.Emit(0, NormTangent.OpName, Attributes.None, t.Tangent(0), t.Tangent(1), "", t.Input(0), "", t.Output(1), t.Input(1));

    public override KernelCall Lower(Inputs inputs) =>
        new("RmsNorm", In(0), In(1), inputs.Attributes.Double("epsilon"), Out(0), Out(1));

    public override OnnxCall? Export(Inputs inputs) =>
        new("RmsNorm", In(0), In(1), inputs.Attributes.Double("epsilon"));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, weight) = (inputs[0], inputs[1]);
        var (n, y) = (x.Last, x.Like());
        var rstd = ReferenceTensor.Zeros([.. x.Shape.Take(x.Shape.Length - 1)]);
        for (var r = 0; r < x.Rows; r++)
        {
            rstd.Data[r] = Reciprocal(x.Data, r * n, n, inputs.Attributes.Double("epsilon"));
            for (var c = 0; c < n; c++) y.Data[(r * n) + c] = x.Data[(r * n) + c] * rstd.Data[r] * weight.Data[c];
        }
        return [y, rstd];
    }

    internal static double Reciprocal(double[] x, int offset, int n, double epsilon)
    {
        double squares = 0;
        for (var c = 0; c < n; c++) squares += x[offset + c] * x[offset + c];
        return 1 / Math.Sqrt((squares / n) + epsilon);
    }

    /// <summary>Adds the gradient of one row: dx at offset, dweight.</summary>
    internal static void Backward(double[] dy, double[] x, int offset, int n, double rstd, double[] weight, double[] dx, double[] dw)
    {
        double dot = 0;
        for (var c = 0; c < n; c++) dot += dy[offset + c] * weight[c] * x[offset + c] * rstd;
        for (var c = 0; c < n; c++)
        {
            var normed = x[offset + c] * rstd;
            dx[offset + c] = rstd * ((dy[offset + c] * weight[c]) - (normed * dot / n));
            dw[c] += dy[offset + c] * normed;
        }
    }
}

/// <summary>dy, x, rstd, weight, optional prior, optional addend → dx + addend, dweight.</summary>
public sealed class RmsNormGrad : Op
{
    /// <summary>The input that is added to dx: the gradient that bypasses the norm.</summary>
    public const int Addend = 5;

    public override string Name => "rms_norm_grad";

    public override bool ByRows => true;

    public override bool InPlace(int input) => input is 0 or 1 or Addend;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1], TensorType.Of(DType.F32, inputs[0].Last)];

    public override long Flops(Inputs inputs) => 10 * inputs[0].Elements;

    public override void Linearize(TangentBuilder t) => t.Emit(
        [0, 1], NormGradTangent.OpName, Attributes.Of(("bias", false)),
        t.Tangent(0), t.Tangent(1), t.Tangent(3), t.Input(0), t.Input(1), "", t.Input(2), t.Input(3), t.Tangent(4));

    public override KernelCall Lower(Inputs inputs) =>
        inputs.Has(Addend)
            ? new("RmsNormGrad", In(0), In(1), In(2), In(3), Accumulate(4), Out(0), Out(1), In(Addend))
            : new("RmsNormGrad", In(0), In(1), In(2), In(3), Accumulate(4), Out(0), Out(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, x, rstd, weight) = (inputs[0], inputs[1], inputs[2], inputs[3]);
        var (n, dx, dw) = (x.Last, x.Like(), inputs.Prior(4, x.Last));
        for (var r = 0; r < x.Rows; r++)
            RmsNorm.Backward(dy.Data, x.Data, r * n, n, rstd.Data[r], weight.Data, dx.Data, dw);
        if (inputs.Has(Addend)) dx = dx with { Data = dx.Data.Zip(inputs[Addend].Data, (a, b) => a + b).ToArray() };
        return [dx, new(dw, [n])];
    }
}
