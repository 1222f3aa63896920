using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// Attention by content and relative distance (Transformer-XL, Dai et al. 2019). Query t of the segment scores position s of
/// memory and segment, M + T together, by ((q + u) · k + (q + v) · r) / √D, r the key of the distance t + M − s ≥ 0.
/// q [B, T, H·D]; kv [B, T, 2·H·D], keys then values; r [M + T, H·D], from the largest distance to 0; u and v fp32 [H·D];
/// with a memory also its keys and values [B, M, 2·H·D] and the first position that each query sees, i64 [B, T].
/// → y [B, T, H·D] and the log-sum-exp of the scores, fp32 [B, H, T].
/// </summary>
public sealed class RelativeAttention : Op
{
    public override string Name => "relative_attention";

    public override bool KeepsFullPrecision(int input) => input is 3 or 4;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (q, kv, r) = (inputs.Rank(0, 3), inputs.Rank(1, 3), inputs.Rank(2, 2));
        var (width, heads) = (q.Last.Value, inputs.Attributes.Long("heads"));
        inputs.Require(width % heads == 0, "heads must divide the width");
        inputs.Require(kv.Last.Value == 2 * width && r.Last.Value == width, "keys and values must be twice as wide as queries, keys of distances as wide");
        inputs.Require(inputs.Rank(3, 1).Last.Value == width && inputs.Rank(4, 1).Last.Value == width, "u and v must be as wide as queries");
        if (inputs.Has(5))
            inputs.Require(inputs.Rank(5, 3).Last.Value == 2 * width && inputs.Has(6), "the memory's keys and values must be as the segment's");
        return [q, TensorType.Of(DType.F32, q.Shape[0], Dim.Of(heads), q.Shape[1])];
    }

    // As of attention, the whole rectangle counts: scores by content, scores by distance, and the mix.
    public override long Flops(Inputs inputs) => 6 * inputs[0].Elements * inputs[2].Shape[0].Value;

    public override void Differentiate(GradientBuilder g)
    {
        List<int> of = [0, 1, 2, 3, 4];
        if (g.Input(5).Length > 0) of.Add(5);
        g.Emit(
            "relative_attention_grad", g.Attributes,
            [g.OutputGradient, .. Enumerable.Range(0, 7).Select(g.Input), g.Output(0), g.Output(1), g.Prior(3), g.Prior(4)], [.. of]);
    }

    public override KernelCall Lower(Inputs inputs) => new(
        "RelativeAttention", In(0), In(1), In(2), In(3), In(4), In(5), In(6), "B", "T", inputs.Attributes.Long("heads"), Out(0), Out(1))
    {
        Cached = new(
            "RelativeAttentionCached", In(0), In(1), In(2), In(3), In(4), "keys", "values", "at",
            inputs.Attributes.Long("memory"),
            SameLength(inputs), inputs.Attributes.Long("heads"), Out(0)),
    };

    public override OnnxCall? Export(Inputs inputs) => new(
        "RelativeAttention", In(0), In(1), In(2), In(3), In(4), inputs.Attributes.Long("memory"), SameLength(inputs), inputs.Attributes.Long("heads"));

    private static KernelArgument SameLength(Inputs inputs) => inputs.Attributes.Bool("same_length") ? "true" : "false";

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var a = new RelativeScores(inputs, 0);
        var (y, lse) = (inputs[0].Like(), ReferenceTensor.Zeros(a.Batch, a.Heads, a.Length));
        a.ForEachQuery((b, h, t, first, weights, logSum) =>
        {
            lse.Data[(((b * a.Heads) + h) * a.Length) + t] = logSum;
            for (var s = 0; s < weights.Length; s++)
                for (var d = 0; d < a.Size; d++)
                    y.Data[a.Query(b, h, t) + d] += weights[s] * a.Value(b, h, first + s, d);
        });
        return [y, lse];
    }
}

/// <summary>
/// dy, the inputs of the attention, y, lse and the optional priors of u and v → the gradients of q, kv, r, u and v, the last
/// two fp32, and with a memory of its keys and values.
/// </summary>
public sealed class RelativeAttentionGrad : Op
{
    public override string Name => "relative_attention_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var bias = TensorType.Of(DType.F32, inputs[4].Last);
        TensorType[] types = [inputs[1], inputs[2], inputs[3], bias, bias];
        return inputs.Has(6) ? [.. types, inputs[6]] : types;
    }

    public override long Flops(Inputs inputs) => 16 * inputs[0].Elements * inputs[3].Shape[0].Value;

    public override KernelCall Lower(Inputs inputs) => new(
        "RelativeAttentionGrad", In(0), In(1), In(2), In(3), In(4), In(5), In(6), In(7), In(8), In(9), "B", "T", inputs.Attributes.Long("heads"),
        Accumulate(10), Out(0), Out(1), Out(2), Out(3), Out(4), inputs.Has(6) ? Out(5) : "null");

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var a = new RelativeScores(inputs, 1);
        var dy = inputs[0].Data;
        var (dq, dr) = (inputs[1].Like(), inputs[3].Like());
        double[] du = inputs.Prior(10, a.Width), dv = inputs.Prior(11, a.Width);
        var dkv = new double[a.Batch, a.Positions, 2 * a.Width]; // of memory and segment
        a.ForEachQuery((b, h, t, first, weights, _) =>
        {
            var (query, column) = (a.Query(b, h, t), h * a.Size);
            var dWeights = weights.Select((_, s) => Enumerable.Range(0, a.Size).Sum(d => dy[query + d] * a.Value(b, h, first + s, d))).ToArray();
            var dot = weights.Zip(dWeights, (w, dw) => w * dw).Sum();
            for (var s = 0; s < weights.Length; s++)
            {
                var (dScore, row) = (a.Scale * weights[s] * (dWeights[s] - dot), a.DistanceRow(t, first + s));
                for (var d = 0; d < a.Size; d++)
                {
                    var (byContent, byDistance) = (dScore * a.Key(b, h, first + s, d), dScore * a.R[row + column + d]);
                    dq.Data[query + d] += byContent + byDistance;
                    du[column + d] += byContent;
                    dv[column + d] += byDistance;
                    dkv[b, first + s, column + d] += dScore * (a.Q[query + d] + a.U[column + d]);
                    dr.Data[row + column + d] += dScore * (a.Q[query + d] + a.V[column + d]);
                    dkv[b, first + s, a.Width + column + d] += weights[s] * dy[query + d];
                }
            }
        });
        ReferenceTensor Rows(ReferenceTensor like, int from) => like with
        {
            Data = like.Data.Select((_, i) => dkv[i / (2 * a.Width) / (int)like.Shape[1], from + (i / (2 * a.Width) % (int)like.Shape[1]), i % (2 * a.Width)]).ToArray(),
        };
        ReferenceTensor[] gradients = [dq, Rows(inputs[2], a.Memory), dr, new(du, [a.Width]), new(dv, [a.Width])];
        return inputs.Has(6) ? [.. gradients, Rows(inputs[6], 0)] : gradients;
    }
}

/// <summary>The scores of the reference, each written out as a sum; the efficient shift is left to the kernels.</summary>
/// <param name="at">The input at which q, kv, r, u, v, and the memory's keys and values and first positions begin.</param>
internal sealed class RelativeScores(ReferenceInputs inputs, int at)
{
    public int Batch => (int)inputs[at].Shape[0];

    public int Length => (int)inputs[at].Shape[1];

    public int Width => inputs[at].Last;

    public int Heads => inputs.Attributes.Int("heads");

    public int Size => Width / Heads;

    public int Memory => inputs.Has(at + 5) ? (int)inputs[at + 5].Shape[1] : 0;

    public int Positions => Memory + Length;

    public double Scale => 1 / Math.Sqrt(Size);

    public double[] Q => inputs[at].Data;

    public double[] R => inputs[at + 2].Data;

    public double[] U => inputs[at + 3].Data;

    public double[] V => inputs[at + 4].Data;

    public int Query(int b, int h, int t) => (((b * Length) + t) * Width) + (h * Size);

    /// <summary>Where the key of the distance from position s to query t begins.</summary>
    public int DistanceRow(int t, int s) => (inputs[at + 2].Rows - 1 - (t + Memory - s)) * Width;

    public double Key(int b, int h, int s, int d) => KeyOrValue(b, s, (h * Size) + d);

    public double Value(int b, int h, int s, int d) => KeyOrValue(b, s, Width + (h * Size) + d);

    public void ForEachQuery(Action<int, int, int, int, double[], double> visit)
    {
        for (var b = 0; b < Batch; b++)
            for (var h = 0; h < Heads; h++)
                for (var t = 0; t < Length; t++)
                {
                    var first = inputs.Has(at + 6) ? (int)inputs[at + 6].Data[(b * Length) + t] : 0;
                    var scores = Enumerable.Range(first, Memory + t + 1 - first).Select(s => Score(b, h, t, s)).ToArray();
                    var max = scores.Max();
                    var logSum = max + Math.Log(scores.Sum(v => Math.Exp(v - max)));
                    visit(b, h, t, first, scores.Select(v => Math.Exp(v - logSum)).ToArray(), logSum);
                }
    }

    private double Score(int b, int h, int t, int s)
    {
        var (sum, query, column, row) = (0.0, Query(b, h, t), h * Size, DistanceRow(t, s));
        for (var d = 0; d < Size; d++)
            sum += ((Q[query + d] + U[column + d]) * Key(b, h, s, d)) + ((Q[query + d] + V[column + d]) * R[row + column + d]);
        return Scale * sum;
    }

    private double KeyOrValue(int b, int s, int column)
    {
        var (from, row, rows) = s < Memory ? (inputs[at + 5], s, Memory) : (inputs[at + 1], s - Memory, Length);
        return from.Data[(((b * rows) + row) * 2 * Width) + column];
    }
}
