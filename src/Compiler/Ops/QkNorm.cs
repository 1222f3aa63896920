using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// RMS normalization of each query and key head of packed heads (Henry et al. 2020); values pass through.
/// x, fp32 query weight [D], fp32 key weight [D] → y and the reciprocal root mean squares [B, T, H + Hkv].
/// </summary>
public sealed class QkNorm : Op
{
    public override string Name => "qk_norm";

    public override bool Cheap => true;

    public override bool KeepsFullPrecision(int input) => input > 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (x, heads) = (inputs.Rank(0, 3), PackedHeads.Of(inputs));
        inputs.Require(inputs.Rank(1, 1).Last.Value == heads.Size && inputs.Rank(2, 1).Last.Value == heads.Size, "the weights must be f32[head size]");
        return [x, TensorType.Of(DType.F32, x.Shape[0], x.Shape[1], Dim.Of(heads.Heads + heads.KvHeads))];
    }

    public override long Flops(Inputs inputs) => 5 * inputs[0].Elements;

    public override void Differentiate(GradientBuilder g) => g.Emit(
        "qk_norm_grad", g.Attributes, [g.OutputGradient, g.Input(0), g.Output(1), g.Input(1), g.Input(2), g.Prior(1), g.Prior(2)], 0, 1, 2);

    public override KernelCall Lower(Inputs inputs)
    {
        var heads = PackedHeads.Of(inputs);
        return new("QkNorm", In(0), In(1), In(2), heads.Heads, heads.KvHeads, inputs.Attributes.Double("epsilon"), Out(0), Out(1));
    }

    public override OnnxCall? Export(Inputs inputs) =>
        new("QkNorm", In(0), In(1), In(2), inputs.Attributes.Long("heads"), inputs.Attributes.Long("kv_heads"), inputs.Attributes.Double("epsilon"));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var x = inputs[0];
        var (heads, y) = (PackedHeads.Of(inputs.Attributes, x.Last), (double[])x.Data.Clone());
        var count = heads.Heads + heads.KvHeads;
        var rstd = ReferenceTensor.Zeros(x.Shape[0], x.Shape[1], count);
        for (var i = 0; i < rstd.Data.Length; i++)
        {
            var offset = (i / count * heads.Width) + (i % count * heads.Size);
            var weight = inputs[i % count < heads.Heads ? 1 : 2].Data;
            rstd.Data[i] = RmsNorm.Reciprocal(x.Data, offset, heads.Size, inputs.Attributes.Double("epsilon"));
            for (var c = 0; c < heads.Size; c++) y[offset + c] *= rstd.Data[i] * weight[c];
        }
        return [new(y, x.Shape), rstd];
    }
}

/// <summary>dy, x, rstd, the two weights, their optional priors → dx, dqweight, dkweight.</summary>
public sealed class QkNormGrad : Op
{
    public override string Name => "qk_norm_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var weight = TensorType.Of(DType.F32, inputs[3].Last);
        return [inputs[1], weight, weight];
    }

    public override long Flops(Inputs inputs) => 10 * inputs[0].Elements;

    public override KernelCall Lower(Inputs inputs)
    {
        var heads = PackedHeads.Of(inputs);
        return new("QkNormGrad", In(0), In(1), In(2), In(3), In(4), heads.Heads, heads.KvHeads, Accumulate(5), Out(0), Out(1), Out(2));
    }

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, x, rstd) = (inputs[0], inputs[1], inputs[2]);
        var (heads, dx) = (PackedHeads.Of(inputs.Attributes, x.Last), (double[])dy.Data.Clone());
        var count = heads.Heads + heads.KvHeads;
        double[][] gradients = [inputs.Prior(5, heads.Size), inputs.Prior(6, heads.Size)];
        for (var i = 0; i < rstd.Data.Length; i++)
        {
            var which = i % count < heads.Heads ? 0 : 1;
            var offset = (i / count * heads.Width) + (i % count * heads.Size);
            RmsNorm.Backward(dy.Data, x.Data, offset, heads.Size, rstd.Data[i], inputs[3 + which].Data, dx, gradients[which]);
        }
        return [new(dx, x.Shape), new(gradients[0], [heads.Size]), new(gradients[1], [heads.Size])];
    }
}
