using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// x [.., C], weight [C], optional bias [C] → y [.., C] and the fp32 mean and reciprocal standard deviation of each row
/// (Ba et al. 2016). Weight and bias stay fp32.
/// </summary>
public sealed class LayerNorm : Op
{
    public override string Name => "layer_norm";

    public override bool ByRows => true;

    public override bool Cheap => true;

    public override bool KeepsFullPrecision(int input) => input > 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var x = inputs[0];
        inputs.Require(inputs.Rank(1, 1).Last.Value == x.Last.Value && inputs[1].DType == DType.F32, "the weight must be f32[C]");
        if (inputs.Has(2)) inputs.Require(inputs.Rank(2, 1).Last.Value == x.Last.Value && inputs[2].DType == DType.F32, "the bias must be f32[C]");
        var rows = new TensorType(DType.F32, new(x.Shape.Take(x.Shape.Count - 1)));
        return [x, rows, rows];
    }

    public override long Flops(Inputs inputs) => 8 * inputs[0].Elements;

    public override void Differentiate(GradientBuilder g)
    {
        string[] inputs = [g.OutputGradient, g.Input(0), g.Output(1), g.Output(2), g.Input(1), g.Prior(1)];
        if (g.Input(2).Length > 0) g.Emit("layer_norm_grad", Attributes.Of(("bias", true)), inputs.Append(g.Prior(2)), 0, 1, 2);
        else g.Emit("layer_norm_grad", Attributes.Of(("bias", false)), inputs, 0, 1);
    }

    public override void Linearize(TangentBuilder t) => t.Emit(
        0, NormTangent.OpName, Attributes.None, t.Tangent(0), t.Tangent(1), t.Tangent(2), t.Input(0), t.Output(1), t.Output(2), t.Input(1));

    public override KernelCall Lower(Inputs inputs) =>
        new("LayerNorm", In(0), In(1), In(2), inputs.Attributes.Double("epsilon"), Out(0), Out(1), Out(2));

    public override OnnxCall? Export(Inputs inputs) =>
        new("LayerNorm", In(0), In(1), In(2), inputs.Attributes.Double("epsilon"));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, weight) = (inputs[0], inputs[1]);
        var (n, y, rows) = (x.Last, x.Like(), x.Shape.Take(x.Shape.Length - 1).ToArray());
        var (mean, rstd) = (ReferenceTensor.Zeros(rows), ReferenceTensor.Zeros(rows));
        for (var r = 0; r < x.Rows; r++)
        {
            var row = x.Data.Skip(r * n).Take(n).ToArray();
            mean.Data[r] = row.Average();
            rstd.Data[r] = 1 / Math.Sqrt(row.Average(v => (v - mean.Data[r]) * (v - mean.Data[r])) + inputs.Attributes.Double("epsilon"));
            for (var c = 0; c < n; c++)
                y.Data[(r * n) + c] = ((row[c] - mean.Data[r]) * rstd.Data[r] * weight.Data[c]) + (inputs.Has(2) ? inputs[2].Data[c] : 0);
        }
        return [y, mean, rstd];
    }
}

/// <summary>
/// dy, x, mean, rstd, weight, optional prior of weight and bias, optional addend → dx + addend, dweight and, with <c>bias</c>, dbias.
/// </summary>
public sealed class LayerNormGrad : Op
{
    /// <summary>The input that is added to dx: the gradient that bypasses the norm.</summary>
    public const int Addend = 7;

    public override string Name => "layer_norm_grad";

    public override bool ByRows => true;

    public override bool InPlace(int input) => input is 0 or 1 or Addend;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var vector = TensorType.Of(DType.F32, inputs[0].Last);
        return HasBias(inputs.Attributes) ? [inputs[1], vector, vector] : [inputs[1], vector];
    }

    public override long Flops(Inputs inputs) => 16 * inputs[0].Elements;

    public override void Linearize(TangentBuilder t) => t.Emit(
        HasBias(t.Attributes) ? [0, 1, 2] : [0, 1], NormGradTangent.OpName, t.Attributes,
        t.Tangent(0), t.Tangent(1), t.Tangent(4), t.Input(0), t.Input(1), t.Input(2), t.Input(3), t.Input(4), t.Tangent(5), t.Tangent(6));

    public override KernelCall Lower(Inputs inputs)
    {
        KernelArgument[] arguments = [In(0), In(1), In(2), In(3), In(4), Accumulate(5), Out(0), Out(1), HasBias(inputs.Attributes) ? Out(2) : "null"];
        return new("LayerNormGrad", inputs.Has(Addend) ? [.. arguments, In(Addend)] : arguments);
    }

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, x, mean, rstd, weight) = (inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]);
        var (n, dx) = (x.Last, x.Like());
        var (dw, db) = (inputs.Prior(5, n), inputs.Prior(6, n));
        for (var r = 0; r < x.Rows; r++)
        {
            double Normed(int c) => (x.Data[(r * n) + c] - mean.Data[r]) * rstd.Data[r];
            double Scaled(int c) => dy.Data[(r * n) + c] * weight.Data[c];
            var sum = Enumerable.Range(0, n).Average(Scaled);
            var dot = Enumerable.Range(0, n).Average(c => Scaled(c) * Normed(c));
            for (var c = 0; c < n; c++)
            {
                dx.Data[(r * n) + c] = (rstd.Data[r] * (Scaled(c) - sum - (Normed(c) * dot))) + (inputs.Has(Addend) ? inputs[Addend].Data[(r * n) + c] : 0);
                dw[c] += dy.Data[(r * n) + c] * Normed(c);
                db[c] += dy.Data[(r * n) + c];
            }
        }
        return HasBias(inputs.Attributes) ? [dx, new(dw, [n]), new(db, [n])] : [dx, new(dw, [n])];
    }

    private static bool HasBias(Attributes attributes) => attributes.Bool("bias");
}
