using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// Causal attention over packed heads, scale 1/√D (Vaswani et al. 2017; grouped queries: Ainslie et al. 2023).
/// x [B, T, (H + 2·Hkv)·D] → y [B, T, H·D] and the log-sum-exp of the scores, fp32 [B, H, T]: what a backward pass
/// needs besides x and y, whichever kernel ran forward (FlashAttention, Dao et al. 2022).
/// </summary>
public sealed class Attention : Op
{
    public override string Name => "attention";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (x, heads) = (inputs.Rank(0, 3), PackedHeads.Of(inputs));
        return
        [
            x.WithLast(Dim.Of(heads.Queries)),
            TensorType.Of(DType.F32, x.Shape[0], Dim.Of(heads.Heads), x.Shape[1]),
        ];
    }

    // Half of the scores are masked; like the literature, the figure counts the whole square.
    public override long Flops(Inputs inputs)
    {
        var (x, heads) = (inputs[0], PackedHeads.Of(inputs));
        return 4 * x.Rows * x.Shape[1].Value * heads.Queries;
    }

    public override void Differentiate(GradientBuilder g) =>
        g.Emit("attention_grad", g.Attributes, [g.OutputGradient, g.Input(0), g.Output(0), g.Output(1)], 0);

    public override KernelCall Lower(Inputs inputs)
    {
        var heads = PackedHeads.Of(inputs);
        return new("Attention", In(0), "B", "T", heads.Heads, heads.KvHeads, Out(0), Out(1))
        {
            Cached = new("AttentionCached", In(0), "keys", "values", "position", heads.Heads, heads.KvHeads, Out(0)),
        };
    }

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var x = inputs[0];
        var heads = PackedHeads.Of(inputs.Attributes, x.Last);
        var (batch, length) = ((int)x.Shape[0], (int)x.Shape[1]);
        var y = ReferenceTensor.Zeros(batch, length, heads.Queries);
        var lse = ReferenceTensor.Zeros(batch, heads.Heads, length);
        ForEachQuery(x, heads, (b, h, t, weights, logSum) =>
        {
            lse.Data[(((b * heads.Heads) + h) * length) + t] = logSum;
            for (var s = 0; s <= t; s++)
                for (var d = 0; d < heads.Size; d++)
                    y.Data[(((b * length) + t) * heads.Queries) + heads.Query(h) + d] +=
                        weights[s] * x.Data[(((b * length) + s) * heads.Width) + heads.Value(h) + d];
        });
        return [y, lse];
    }

    internal static void ForEachQuery(ReferenceTensor x, PackedHeads heads, Action<int, int, int, double[], double> visit)
    {
        var (batch, length, scale) = ((int)x.Shape[0], (int)x.Shape[1], 1 / Math.Sqrt(heads.Size));
        for (var b = 0; b < batch; b++)
            for (var h = 0; h < heads.Heads; h++)
                for (var t = 0; t < length; t++)
                {
                    var scores = new double[t + 1];
                    for (var s = 0; s <= t; s++)
                        for (var d = 0; d < heads.Size; d++)
                            scores[s] += scale * x.Data[(((b * length) + t) * heads.Width) + heads.Query(h) + d]
                                * x.Data[(((b * length) + s) * heads.Width) + heads.Key(h) + d];
                    var max = scores.Max();
                    var logSum = max + Math.Log(scores.Sum(v => Math.Exp(v - max)));
                    visit(b, h, t, scores.Select(v => Math.Exp(v - logSum)).ToArray(), logSum);
                }
    }
}

/// <summary>dy [B, T, H·D], x, y, lse → dx [B, T, (H + 2·Hkv)·D].</summary>
public sealed class AttentionGrad : Op
{
    public override string Name => "attention_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1]];

    public override long Flops(Inputs inputs) => 10 * inputs[0].Elements * inputs[0].Shape[1].Value;

    public override KernelCall Lower(Inputs inputs) => new(
        "AttentionGrad", In(0), In(1), In(2), In(3), "B", "T", inputs.Attributes.Long("heads"), inputs.Attributes.Long("kv_heads"), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, x) = (inputs[0], inputs[1]);
        var (heads, dx, length) = (PackedHeads.Of(inputs.Attributes, x.Last), x.Like(), (int)x.Shape[1]);
        var scale = 1 / Math.Sqrt(heads.Size);
        Attention.ForEachQuery(x, heads, (b, h, t, weights, _) =>
        {
            int Row(int s) => ((b * length) + s) * heads.Width;
            var dOut = (((b * length) + t) * heads.Queries) + heads.Query(h);
            var dWeights = new double[t + 1];
            for (var s = 0; s <= t; s++)
                for (var d = 0; d < heads.Size; d++)
                {
                    dWeights[s] += dy.Data[dOut + d] * x.Data[Row(s) + heads.Value(h) + d];
                    dx.Data[Row(s) + heads.Value(h) + d] += weights[s] * dy.Data[dOut + d];
                }
            var dot = weights.Zip(dWeights, (w, dw) => w * dw).Sum();
            for (var s = 0; s <= t; s++)
                for (var d = 0; d < heads.Size; d++)
                {
                    var dScore = scale * weights[s] * (dWeights[s] - dot);
                    dx.Data[Row(t) + heads.Query(h) + d] += dScore * x.Data[Row(s) + heads.Key(h) + d];
                    dx.Data[Row(s) + heads.Key(h) + d] += dScore * x.Data[Row(t) + heads.Query(h) + d];
                }
        });
        return [dx];
    }
}
