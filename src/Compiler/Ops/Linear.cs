using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>x [.., K] · weight [M, K]ᵀ + optional bias [M] → [.., M].</summary>
public sealed class Linear : Op
{
    public override string Name => "linear";

    public override bool ByRows => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (x, weight) = (inputs[0], inputs.Rank(1, 2));
        inputs.Require(x.Last.Value == weight.Last.Value, "the widths of x and weight differ");
        inputs.Require(x.DType == weight.DType, "element types differ");
        if (inputs.Has(2)) inputs.Require(inputs.Rank(2, 1).Last.Value == weight.Shape[0].Value, "the bias must have the weight's rows");
        return [x.WithLast(weight.Shape[0])];
    }

    public override long Flops(Inputs inputs) =>
        (2 * inputs[0].Rows * inputs[1].Elements) + (inputs.Has(2) ? inputs[0].Rows * inputs[2].Elements : 0);

    public override void Differentiate(GradientBuilder g)
    {
        g.Emit("linear_grad_weight", Attributes.None, [g.OutputGradient, g.Input(0), g.Prior(1)], 1);
        if (g.Input(2).Length > 0) g.Emit("bias_grad", Attributes.None, [g.OutputGradient, g.Prior(2)], 2);
        if (g.Needs(0)) g.Emit("linear_grad_input", Attributes.None, [g.OutputGradient, g.Input(1)], 0);
    }

    public override void Linearize(TangentBuilder t)
    {
        t.Add(0, needs: 0, Name, Attributes.None, t.Tangent(0), t.Input(1));
        t.Add(0, needs: 1, Name, Attributes.None, t.Input(0), t.Tangent(1), t.Tangent(2));
    }

    public override KernelCall Lower(Inputs inputs) => new("Linear", In(0), In(1), In(2), Out(0));

    public override OnnxCall? Export(Inputs inputs) =>
        new("Linear", In(0), In(1), In(2));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, weight) = (inputs[0], inputs[1]);
        var (rows, k, m) = (x.Rows, x.Last, (int)weight.Shape[0]);
        var y = ReferenceTensor.Zeros([.. x.Shape.Take(x.Shape.Length - 1), m]);
        for (var r = 0; r < rows; r++)
            for (var j = 0; j < m; j++)
            {
                var sum = inputs.Has(2) ? inputs[2].Data[j] : 0;
                for (var c = 0; c < k; c++) sum += x.Data[(r * k) + c] * weight.Data[(j * k) + c];
                y.Data[(r * m) + j] = sum;
            }
        return [y];
    }
}

/// <summary>dy [.., M], weight [M, K] → dx [.., K].</summary>
public sealed class LinearGradInput : Op
{
    public override string Name => "linear_grad_input";

    public override bool ByRows => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0].WithLast(inputs.Rank(1, 2).Last)];

    public override long Flops(Inputs inputs) => 2 * inputs[0].Rows * inputs[1].Elements;

    public override void Linearize(TangentBuilder t)
    {
        t.Add(0, needs: 0, Name, Attributes.None, t.Tangent(0), t.Input(1));
        t.Add(0, needs: 1, Name, Attributes.None, t.Input(0), t.Tangent(1));
    }

    public override KernelCall Lower(Inputs inputs) => new("LinearGradInput", In(0), In(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, weight) = (inputs[0], inputs[1]);
        var (m, k) = (dy.Last, weight.Last);
        var dx = ReferenceTensor.Zeros([.. dy.Shape.Take(dy.Shape.Length - 1), k]);
        for (var r = 0; r < dy.Rows; r++)
            for (var j = 0; j < m; j++)
                for (var c = 0; c < k; c++)
                    dx.Data[(r * k) + c] += dy.Data[(r * m) + j] * weight.Data[(j * k) + c];
        return [dx];
    }
}

/// <summary>dy [.., M], x [.., K] → fp32 [M, K], added to the optional third input.</summary>
public sealed class LinearGradWeight : Op
{
    public override string Name => "linear_grad_weight";

    public override bool ByRows => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) =>
        [TensorType.Of(DType.F32, inputs[0].Last, inputs[1].Last)];

    public override long Flops(Inputs inputs) => 2 * inputs[0].Elements * inputs[1].Last.Value;

    public override void Linearize(TangentBuilder t)
    {
        var prior = t.Emit(0, Name, Attributes.None, t.Tangent(0), t.Input(1), t.Tangent(2));
        if (t.Has(1)) t.Emit(0, Name, Attributes.None, t.Input(0), t.Tangent(1), prior);
    }

    public override KernelCall Lower(Inputs inputs) => new("LinearGradWeight", In(0), In(1), Accumulate(2), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, x) = (inputs[0], inputs[1]);
        var (m, k) = (dy.Last, x.Last);
        var dw = inputs.Prior(2, m * k);
        for (var r = 0; r < dy.Rows; r++)
            for (var j = 0; j < m; j++)
                for (var c = 0; c < k; c++)
                    dw[(j * k) + c] += dy.Data[(r * m) + j] * x.Data[(r * k) + c];
        return [new(dw, [m, k])];
    }
}
