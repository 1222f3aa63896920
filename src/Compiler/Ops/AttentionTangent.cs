using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// The tangent of <see cref="Attention"/>: dx, x [B, T, (H + 2·Hkv)·D] → dy [B, T, H·D]. With probabilities P of scores S it is
/// dP·V + P·dV, where dP = P ∘ (dS − Σ P ∘ dS).
/// </summary>
public sealed class AttentionTangent : Op
{
    public const string OpName = "attention_tangent";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1].WithLast(Dim.Of(PackedHeads.Of(inputs).Queries))];

    public override long Flops(Inputs inputs) => 4 * new Attention().Flops(inputs);

    public override KernelCall Lower(Inputs inputs) => new("AttentionTangent",
    [
        In(0), In(1), "B", "T", inputs.Attributes.Long("heads"), inputs.Attributes.Long("kv_heads"), Out(0),
        .. AttentionMask.Of(inputs.Attributes).Arguments(),
    ]);

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dx, x) = (inputs[0], inputs[1]);
        var heads = PackedHeads.Of(inputs.Attributes, x.Last);
        var y = ReferenceTensor.Zeros(x.Shape[0], x.Shape[1], heads.Queries);
        Attention.ForEachQuery(x, heads, AttentionMask.Of(inputs.Attributes), (b, h, t, first, scores, logSum) =>
        {
            var query = new AttentionQuery(dx, x, heads, AttentionMask.Of(inputs.Attributes), b, h, t, first, scores, logSum);
            for (var s = 0; s < scores.Length; s++)
                for (var d = 0; d < heads.Size; d++)
                    y.Data[query.Output + d] += (query.WeightTangents[s] * x.Data[query.Row(s) + heads.Value(h) + d])
                        + (query.Weights[s] * dx.Data[query.Row(s) + heads.Value(h) + d]);
        });
        return [y];
    }
}

/// <summary>The tangent of <see cref="AttentionGrad"/>: tangents of dy and x; dy [B, T, H·D], x → that of the gradient of x.</summary>
public sealed class AttentionGradTangent : Op
{
    public const string OpName = "attention_grad_tangent";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[3]];

    public override long Flops(Inputs inputs) => 26 * inputs[0].Elements * AttentionMask.Of(inputs.Attributes).CountedKeys(inputs[0].Shape[1].Value);

    public override KernelCall Lower(Inputs inputs) => new("AttentionGradTangent",
    [
        In(0), In(1), In(2), In(3), "B", "T", inputs.Attributes.Long("heads"), inputs.Attributes.Long("kv_heads"), Out(0),
        .. AttentionMask.Of(inputs.Attributes).Arguments(),
    ]);

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (ddy, dx, dy, x, mask) = (inputs[0], inputs[1], inputs[2], inputs[3], AttentionMask.Of(inputs.Attributes));
        var (heads, result) = (PackedHeads.Of(inputs.Attributes, x.Last), x.Like());
        Attention.ForEachQuery(x, heads, mask, (b, h, t, first, scores, logSum) =>
        {
            var q = new AttentionQuery(dx, x, heads, mask, b, h, t, first, scores, logSum);
            var (products, tangents) = (new double[scores.Length], new double[scores.Length]);
            for (var s = 0; s < scores.Length; s++)
                for (var d = 0; d < heads.Size; d++)
                {
                    var value = q.Row(s) + heads.Value(h) + d;
                    products[s] += dy.Data[q.Output + d] * x.Data[value];
                    tangents[s] += (ddy.Data[q.Output + d] * x.Data[value]) + (dy.Data[q.Output + d] * dx.Data[value]);
                    result.Data[value] += (q.WeightTangents[s] * dy.Data[q.Output + d]) + (q.Weights[s] * ddy.Data[q.Output + d]);
                }
            var keys = Enumerable.Range(0, scores.Length).ToArray();
            var dot = keys.Sum(s => q.Weights[s] * products[s]);
            var ddot = keys.Sum(s => (q.WeightTangents[s] * products[s]) + (q.Weights[s] * tangents[s]));
            foreach (var s in keys)
            {
                var score = q.Weights[s] * (products[s] - dot);
                var scoreTangent = (q.WeightTangents[s] * (products[s] - dot)) + (q.Weights[s] * (tangents[s] - ddot));
                var slope = mask.Softcap > 0 ? -2 * scores[s] * q.ScoreTangents[s] / (mask.Softcap * mask.Softcap) : 0;
                var raw = q.Scale * mask.Slope(scores[s]) * score;
                var rawTangent = q.Scale * ((slope * score) + (mask.Slope(scores[s]) * scoreTangent));
                for (var d = 0; d < heads.Size; d++)
                {
                    var (query, key) = (q.Query + d, q.Row(s) + heads.Key(h) + d);
                    result.Data[query] += (rawTangent * x.Data[key]) + (raw * dx.Data[key]);
                    result.Data[key] += (rawTangent * x.Data[query]) + (raw * dx.Data[query]);
                }
            }
        });
        return [result];
    }
}

/// <summary>A query of attention with the tangents of its scores, after the cap, and of its probabilities.</summary>
internal sealed class AttentionQuery
{
    private readonly int _width, _first;

    public AttentionQuery(
        ReferenceTensor dx, ReferenceTensor x, PackedHeads heads, AttentionMask mask, int b, int h, int t, int first, double[] scores, double logSum)
    {
        var length = (int)x.Shape[1];
        (_width, _first, Scale) = (heads.Width, (b * length) + first, 1 / Math.Sqrt(heads.Size));
        Query = (((b * length) + t) * heads.Width) + heads.Query(h);
        Output = (((b * length) + t) * heads.Queries) + heads.Query(h);
        Weights = scores.Select(s => Math.Exp(s - logSum)).ToArray();
        ScoreTangents = scores.Select((score, s) => mask.Slope(score) * Scale * Enumerable.Range(0, heads.Size).Sum(d =>
            (dx.Data[Query + d] * x.Data[Row(s) + heads.Key(h) + d]) + (x.Data[Query + d] * dx.Data[Row(s) + heads.Key(h) + d]))).ToArray();
        var mean = Weights.Zip(ScoreTangents, (w, s) => w * s).Sum();
        WeightTangents = Weights.Zip(ScoreTangents, (w, s) => w * (s - mean)).ToArray();
    }

    public double Scale { get; }

    /// <summary>Where its query starts in x, and its result in y.</summary>
    public int Query { get; }

    public int Output { get; }

    public double[] Weights { get; }

    public double[] ScoreTangents { get; }

    public double[] WeightTangents { get; }

    /// <summary>Where the row of a key that it sees starts in x.</summary>
    public int Row(int key) => (_first + key) * _width;
}
