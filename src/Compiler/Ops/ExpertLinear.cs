using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// Rows [B, T, k, K] sorted by expert, weight [E·M, K], where the rows of each expert begin and end [E + 1] → [B, T, k, M]: each
/// expert's rows times its own M rows of the weight; zeros in rows of no expert.
/// </summary>
public sealed class ExpertLinear : Op
{
    public override string Name => "expert_linear";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (x, weight, experts) = (inputs.Rank(0, 4), inputs.Rank(1, 2), inputs.Attributes.Long("experts"));
        inputs.Require(x.Last.Value == weight.Last.Value, "the widths of x and weight differ");
        inputs.Require(x.DType == weight.DType, "element types differ");
        inputs.Require(weight.Shape[0].Value % experts == 0, "each expert must have as many rows of the weight");
        return [x.WithLast(Dim.Of(weight.Shape[0].Value / experts))];
    }

    public override long Flops(Inputs inputs) => 2 * inputs[0].Rows * inputs[1].Elements / inputs.Attributes.Long("experts");

    public override void Differentiate(GradientBuilder g)
    {
        g.Emit("expert_linear_grad_weight", g.Attributes, [g.OutputGradient, g.Input(0), g.Input(2), g.Prior(1)], 1);
        g.Emit("expert_linear_grad_input", g.Attributes, [g.OutputGradient, g.Input(1), g.Input(2)], 0);
    }

    public override KernelCall Lower(Inputs inputs) => new("ExpertLinear", In(0), In(1), In(2), Out(0));

    public override OnnxCall? Export(Inputs inputs) => new("ExpertLinear", In(0), In(1), In(2), inputs.Attributes.Long("experts"));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, weight, offsets) = (inputs[0], inputs[1], inputs[2].Data);
        var (m, k) = ((int)weight.Shape[0] / (offsets.Length - 1), x.Last);
        var y = ReferenceTensor.Zeros([.. x.Shape.Take(x.Shape.Length - 1), m]);
        ForEachRow(offsets, (row, expert) =>
        {
            for (var j = 0; j < m; j++)
                for (var c = 0; c < k; c++)
                    y.Data[(row * m) + j] += x.Data[(row * k) + c] * weight.Data[(((expert * m) + j) * k) + c];
        });
        return [y];
    }

    internal static void ForEachRow(double[] offsets, Action<int, int> visit)
    {
        for (var expert = 0; expert + 1 < offsets.Length; expert++)
            for (var row = (int)offsets[expert]; row < (int)offsets[expert + 1]; row++)
                visit(row, expert);
    }
}

/// <summary>dy [B, T, k, M], weight [E·M, K], offsets → dx [B, T, k, K].</summary>
public sealed class ExpertLinearGradInput : Op
{
    public override string Name => "expert_linear_grad_input";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0].WithLast(inputs.Rank(1, 2).Last)];

    public override long Flops(Inputs inputs) => 2 * inputs[0].Rows * inputs[1].Elements / inputs.Attributes.Long("experts");

    public override KernelCall Lower(Inputs inputs) => new("ExpertLinearGradInput", In(0), In(1), In(2), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, weight) = (inputs[0], inputs[1]);
        var (m, k) = (dy.Last, weight.Last);
        var dx = ReferenceTensor.Zeros([.. dy.Shape.Take(dy.Shape.Length - 1), k]);
        ExpertLinear.ForEachRow(inputs[2].Data, (row, expert) =>
        {
            for (var j = 0; j < m; j++)
                for (var c = 0; c < k; c++)
                    dx.Data[(row * k) + c] += dy.Data[(row * m) + j] * weight.Data[(((expert * m) + j) * k) + c];
        });
        return [dx];
    }
}

/// <summary>dy [B, T, k, M], x [B, T, k, K], offsets → fp32 [E·M, K], added to the optional fourth input.</summary>
public sealed class ExpertLinearGradWeight : Op
{
    public override string Name => "expert_linear_grad_weight";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) =>
        [TensorType.Of(DType.F32, Dim.Of(inputs[0].Last.Value * inputs.Attributes.Long("experts")), inputs[1].Last)];

    public override long Flops(Inputs inputs) => 2 * inputs[0].Elements * inputs[1].Last.Value;

    public override KernelCall Lower(Inputs inputs) => new("ExpertLinearGradWeight", In(0), In(1), In(2), Accumulate(3), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, x, offsets) = (inputs[0], inputs[1], inputs[2].Data);
        var (m, k, experts) = (dy.Last, x.Last, offsets.Length - 1);
        var dw = inputs.Prior(3, experts * m * k);
        ExpertLinear.ForEachRow(offsets, (row, expert) =>
        {
            for (var j = 0; j < m; j++)
                for (var c = 0; c < k; c++)
                    dw[(((expert * m) + j) * k) + c] += dy.Data[(row * m) + j] * x.Data[(row * k) + c];
        });
        return [new(dw, [experts * m, k])];
    }
}
