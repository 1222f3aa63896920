using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// The tangent of layer norm or, without a mean, of RMS norm: tangents of x, weight and optional bias; x, optional mean, rstd, weight → dy.
/// With n = (x − mean) · rstd it is rstd · (dx − mean dx − n · mean(n · dx)) · weight + n · dweight + dbias.
/// </summary>
public sealed class NormTangent : Op
{
    public const string OpName = "norm_tangent";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[3]];

    public override long Flops(Inputs inputs) => 12 * inputs[3].Elements;

    public override KernelCall Lower(Inputs inputs) => new("NormTangent", In(0), In(1), In(2), In(3), In(4), In(5), In(6), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dx, dWeight, x, weight, y) = (inputs[0], inputs[1], inputs[3], inputs[6], inputs[3].Like());
        for (var r = 0; r < x.Rows; r++)
        {
            var row = new NormRow(x, dx, inputs.Find(4), inputs[5], r);
            for (var c = 0; c < x.Last; c++)
                y.Data[(r * x.Last) + c] = (row.Tangent[c] * weight.Data[c]) + (row.Normed[c] * dWeight.Data[c]) + (inputs.Find(2)?.Data[c] ?? 0);
        }
        return [y];
    }
}

/// <summary>
/// The tangent of a norm's gradient: tangents of dy, x and weight; dy, x, optional mean, rstd, weight, optional tangents of the priors of
/// weight and bias → those of dx, dweight and, with <c>bias</c>, dbias.
/// </summary>
public sealed class NormGradTangent : Op
{
    public const string OpName = "norm_grad_tangent";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var vector = TensorType.Of(DType.F32, inputs[4].Last);
        return inputs.Attributes.Bool("bias") ? [inputs[4], vector, vector] : [inputs[4], vector];
    }

    public override long Flops(Inputs inputs) => 30 * inputs[4].Elements;

    public override KernelCall Lower(Inputs inputs) => new(
        "NormGradTangent", In(0), In(1), In(2), In(3), In(4), In(5), In(6), In(7), Accumulate(8), Out(0), Out(1),
        inputs.Attributes.Bool("bias") ? Out(2) : "null");

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (ddy, dx, dWeight, dy, x, weight) = (inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[7]);
        var (width, result) = (x.Last, x.Like());
        var (w, b) = (inputs.Prior(8, width), inputs.Prior(9, width));
        for (var r = 0; r < x.Rows; r++)
        {
            var row = new NormRow(x, dx, inputs.Find(5), inputs[6], r);
            var columns = Enumerable.Range(0, width).ToArray();
            // The gradient is rstd · (a − mean a − n · mean(a · n)) with a = dy · weight.
            var a = columns.Select(c => dy.Data[(r * width) + c] * weight.Data[c]).ToArray();
            var da = columns.Select(c => (ddy.Data[(r * width) + c] * weight.Data[c]) + (dy.Data[(r * width) + c] * dWeight.Data[c])).ToArray();
            var dot = columns.Average(c => a[c] * row.Normed[c]);
            var ddot = columns.Average(c => (da[c] * row.Normed[c]) + (a[c] * row.Tangent[c]));
            var (mean, dmean) = row.IsCentered ? (a.Average(), da.Average()) : (0, 0);
            foreach (var c in columns)
            {
                result.Data[(r * width) + c] = (row.ScaleTangent * (a[c] - mean - (row.Normed[c] * dot)))
                    + (row.Scale * (da[c] - dmean - (row.Tangent[c] * dot) - (row.Normed[c] * ddot)));
                w[c] += (ddy.Data[(r * width) + c] * row.Normed[c]) + (dy.Data[(r * width) + c] * row.Tangent[c]);
                b[c] += ddy.Data[(r * width) + c];
            }
        }
        return inputs.Attributes.Bool("bias") ? [result, new(w, [width]), new(b, [width])] : [result, new(w, [width])];
    }
}

/// <summary>A row of a norm: n, rstd, and their tangents.</summary>
internal sealed class NormRow
{
    public NormRow(ReferenceTensor x, ReferenceTensor dx, ReferenceTensor? mean, ReferenceTensor rstd, int row)
    {
        IsCentered = mean is not null;
        Scale = rstd.Data[row];
        var (values, tangents) = (Row(x), Row(dx));
        Normed = values.Select(v => (v - (mean?.Data[row] ?? 0)) * Scale).ToArray();
        var (shift, dot) = (IsCentered ? tangents.Average() : 0, Normed.Zip(tangents, (n, d) => n * d).Average());
        Tangent = tangents.Select((d, c) => Scale * (d - shift - (Normed[c] * dot))).ToArray();
        ScaleTangent = -Scale * Scale * dot;

        double[] Row(ReferenceTensor of) => of.Data.Skip(row * of.Last).Take(of.Last).ToArray();
    }

    public bool IsCentered { get; }

    public double[] Normed { get; }

    public double[] Tangent { get; }

    public double Scale { get; }

    public double ScaleTangent { get; }
}
