using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// Attention over packed heads, causal unless its attributes say otherwise (<see cref="AttentionMask"/>), scale 1/√D (Vaswani et al. 2017; grouped queries: Ainslie et al. 2023).
/// x [B, T, (H + 2·Hkv)·D] → y [B, T, H·D] and the log-sum-exp of the scores, fp32 [B, H, T]: what a backward pass
/// needs besides x and y, whichever kernel ran forward (FlashAttention, Dao et al. 2022).
/// </summary>
public sealed class Attention : Op
{
    /// <summary>The attribute of attention over sequences that may be shorter than T; the program knows their lengths. The reference takes them as whole.</summary>
    public const string ByLength = "by_length";

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

    public override long Flops(Inputs inputs)
    {
        var (x, heads) = (inputs[0], PackedHeads.Of(inputs));
        return 4 * x.Rows * AttentionMask.Of(inputs.Attributes).CountedKeys(x.Shape[1].Value) * heads.Queries;
    }

    public override void Differentiate(GradientBuilder g) =>
        g.Emit("attention_grad", g.Attributes, [g.OutputGradient, g.Input(0), g.Output(0), g.Output(1)], 0);

    public override void Linearize(TangentBuilder t) => t.Emit(0, AttentionTangent.OpName, t.Attributes, t.Tangent(0), t.Input(0));

    public override KernelCall Lower(Inputs inputs)
    {
        var (heads, mask) = (PackedHeads.Of(inputs), AttentionMask.Of(inputs.Attributes));
        return new(Method("Attention", inputs), [In(0), Batch(inputs), "T", heads.Heads, heads.KvHeads, Out(0), Out(1), .. mask.Arguments()])
        {
            Cached = mask.Causal
                ? new("AttentionCached", [In(0), "keys", "values", "at", heads.Heads, heads.KvHeads, Out(0), .. mask.Arguments()])
                : null,
        };
    }

    public override OnnxCall? Export(Inputs inputs)
    {
        var (heads, mask) = (PackedHeads.Of(inputs), AttentionMask.Of(inputs.Attributes));
        return mask.Causal || inputs.Attributes.Has(ByLength)
            ? new(inputs.Attributes.Has(ByLength) ? "WholeAttention" : "Attention", [In(0), heads.Heads, heads.KvHeads, .. mask.Arguments()])
            : null;
    }

    internal static string Method(string name, Inputs inputs) => inputs.Attributes.Has(ByLength) ? name + "ByLength" : name;

    /// <summary>The sequences of the batch: their number, or their lengths.</summary>
    internal static KernelArgument Batch(Inputs inputs) => inputs.Attributes.Has(ByLength) ? "lengths" : "B";

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var x = inputs[0];
        var heads = PackedHeads.Of(inputs.Attributes, x.Last);
        var (batch, length) = ((int)x.Shape[0], (int)x.Shape[1]);
        var y = ReferenceTensor.Zeros(batch, length, heads.Queries);
        var lse = ReferenceTensor.Zeros(batch, heads.Heads, length);
        ForEachQuery(x, heads, AttentionMask.Of(inputs.Attributes), (b, h, t, first, scores, logSum) =>
        {
            lse.Data[(((b * heads.Heads) + h) * length) + t] = logSum;
            for (var s = first; s < first + scores.Length; s++)
            {
                var weight = Math.Exp(scores[s - first] - logSum);
                for (var d = 0; d < heads.Size; d++)
                    y.Data[(((b * length) + t) * heads.Queries) + heads.Query(h) + d] +=
                        weight * x.Data[(((b * length) + s) * heads.Width) + heads.Value(h) + d];
            }
        });
        return [y, lse];
    }

    /// <summary>Visits each query: sequence, head, position, its first key, the scores of the keys that it sees, their log-sum-exp.</summary>
    internal static void ForEachQuery(ReferenceTensor x, PackedHeads heads, AttentionMask mask, Action<int, int, int, int, double[], double> visit)
    {
        var (batch, length, scale) = ((int)x.Shape[0], (int)x.Shape[1], 1 / Math.Sqrt(heads.Size));
        for (var b = 0; b < batch; b++)
            for (var h = 0; h < heads.Heads; h++)
                for (var t = 0; t < length; t++)
                {
                    var (first, end) = mask.Keys(t, length);
                    var scores = new double[end - first];
                    for (var s = first; s < end; s++)
                    {
                        for (var d = 0; d < heads.Size; d++)
                            scores[s - first] += scale * x.Data[(((b * length) + t) * heads.Width) + heads.Query(h) + d]
                                * x.Data[(((b * length) + s) * heads.Width) + heads.Key(h) + d];
                        scores[s - first] = mask.Cap(scores[s - first]);
                    }
                    var max = scores.Max();
                    visit(b, h, t, first, scores, max + Math.Log(scores.Sum(v => Math.Exp(v - max))));
                }
    }
}

/// <summary>dy [B, T, H·D], x, y, lse → dx [B, T, (H + 2·Hkv)·D].</summary>
public sealed class AttentionGrad : Op
{
    public override string Name => "attention_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1]];

    public override long Flops(Inputs inputs) =>
        10 * inputs[0].Elements * AttentionMask.Of(inputs.Attributes).CountedKeys(inputs[0].Shape[1].Value);

    public override void Linearize(TangentBuilder t) =>
        t.Emit(0, AttentionGradTangent.OpName, t.Attributes, t.Tangent(0), t.Tangent(1), t.Input(0), t.Input(1));

    public override KernelCall Lower(Inputs inputs) => new(Attention.Method("AttentionGrad", inputs),
    [
        In(0), In(1), In(2), In(3), Attention.Batch(inputs), "T", inputs.Attributes.Long("heads"), inputs.Attributes.Long("kv_heads"), Out(0),
        .. AttentionMask.Of(inputs.Attributes).Arguments(),
    ]);

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, x, mask) = (inputs[0], inputs[1], AttentionMask.Of(inputs.Attributes));
        var (heads, dx, length) = (PackedHeads.Of(inputs.Attributes, x.Last), x.Like(), (int)x.Shape[1]);
        var scale = 1 / Math.Sqrt(heads.Size);
        Attention.ForEachQuery(x, heads, mask, (b, h, t, first, scores, logSum) =>
        {
            int Row(int key) => ((b * length) + first + key) * heads.Width;
            var (query, dOut) = (((b * length) + t) * heads.Width, (((b * length) + t) * heads.Queries) + heads.Query(h));
            var weights = scores.Select(s => Math.Exp(s - logSum)).ToArray();
            var dWeights = new double[scores.Length];
            for (var s = 0; s < scores.Length; s++)
                for (var d = 0; d < heads.Size; d++)
                {
                    dWeights[s] += dy.Data[dOut + d] * x.Data[Row(s) + heads.Value(h) + d];
                    dx.Data[Row(s) + heads.Value(h) + d] += weights[s] * dy.Data[dOut + d];
                }
            var dot = weights.Zip(dWeights, (w, dw) => w * dw).Sum();
            for (var s = 0; s < scores.Length; s++)
                for (var d = 0; d < heads.Size; d++)
                {
                    var dScore = scale * mask.Slope(scores[s]) * weights[s] * (dWeights[s] - dot);
                    dx.Data[query + heads.Query(h) + d] += dScore * x.Data[Row(s) + heads.Key(h) + d];
                    dx.Data[Row(s) + heads.Key(h) + d] += dScore * x.Data[query + heads.Query(h) + d];
                }
        });
        return [dx];
    }
}
