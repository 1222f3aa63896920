using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

/// <summary>Relative attention against its sums in double precision, where each score has its own distance and nothing is shifted.</summary>
public sealed class RelativeAttentionsTests : KernelTest
{
    public static TheoryData<ScalarType, bool, int, int, int, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<ScalarType, bool, int, int, int, int, int>();
            foreach (var type in new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16 })
            foreach (var aten in new[] { false, true })
            {
                data.Add(type, aten, 2, 9, 7, 3, 16);
                data.Add(type, aten, 3, 20, 33, 2, 32);
                data.Add(type, aten, 2, 17, 0, 4, 10);
                data.Add(type, aten, 1, 1, 5, 2, 8);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void AttentionAndItsGradient(ScalarType type, bool aten, int batch, int sequence, int memory, int heads, int d)
    {
        long n = batch * sequence, rows = batch * memory, width = heads * d, positions = memory + sequence;
        var (q, kv, r, dy) = (Oracle.Normal(1, type, n, width), Oracle.Normal(2, type, n, 2 * width), Oracle.Normal(3, type, positions, width), Oracle.Normal(4, type, n, width));
        var (u, v) = (Oracle.Normal(5, ScalarType.Float32, width), Oracle.Normal(6, ScalarType.Float32, width));
        var memoryKv = memory == 0 ? null : Oracle.Normal(7, type, rows, 2 * width);
        var visible = memory == 0 ? null : Oracle.Integers(8, memory + 1, n) + arange(n).remainder(sequence).mul(Oracle.Integers(9, 2, n));
        Tensor[] inputs = memoryKv is null ? [q, kv, r, u, v] : [q, kv, r, u, v, memoryKv];
        (Tensor Y, Tensor Lse) Reference(Tensor[] i) => Attend(i[0], i[1], i[2], i[3], i[4], i.ElementAtOrDefault(5), visible, batch, sequence, heads);
        var expectedLse = Reference([.. inputs.Select(i => i.to(ScalarType.Float64))]).Lse;
        var (value, gradients) = Oracle.Differentiate(i => Reference(i).Y, dy, inputs);

        var (y, lse) = (Oracle.Unwritten(type, n, width), Oracle.Unwritten(ScalarType.Float32, batch, heads, sequence));
        var x = new RelativeInputs(q, kv, r, u, v, memoryKv, visible, batch, sequence, heads);
        if (aten) AtenRelativeAttention.Forward(x, y, lse);
        else Kernels.RelativeAttention(q, kv, r, u, v, memoryKv, visible, batch, sequence, heads, y, lse);
        Oracle.Close(value, y);
        Oracle.Close(expectedLse, lse, "lse", type == ScalarType.Float32 ? 2e-5 : 1e-2);

        var (dq, dkv, dr) = (Oracle.Unwritten(type, n, width), Oracle.Unwritten(type, n, 2 * width), Oracle.Unwritten(type, positions, width));
        var (du, dv) = (Oracle.Unwritten(ScalarType.Float32, width), Oracle.Unwritten(ScalarType.Float32, width));
        var dMemoryKv = memory == 0 ? null : Oracle.Unwritten(type, rows, 2 * width);
        void Backward(bool accumulate)
        {
            if (aten) AtenRelativeAttention.Backward(dy, x, y, lse, new(accumulate, dq, dkv, dr, du, dv, dMemoryKv));
            else Kernels.RelativeAttentionGrad(dy, q, kv, r, u, v, memoryKv, visible, y, lse, batch, sequence, heads, accumulate, dq, dkv, dr, du, dv, dMemoryKv);
        }

        Backward(accumulate: false);
        Oracle.Close(gradients[0], dq, "dq", Rough(type));
        Oracle.Close(gradients[1], dkv, "dkv", Rough(type));
        Oracle.Close(gradients[2], dr, "dr", Rough(type));
        Oracle.Close(gradients[3], du, "du", Rough(type));
        Oracle.Close(gradients[4], dv, "dv", Rough(type));
        if (dMemoryKv is not null) Oracle.Close(gradients[5], dMemoryKv, "dMemoryKv", Rough(type));
        Backward(accumulate: true);
        Oracle.Close(2 * gradients[3], du, "du added", Rough(type));
        Oracle.Close(2 * gradients[4], dv, "dv added", Rough(type));
    }

    [Theory]
    [InlineData(ScalarType.Float32, false)]
    [InlineData(ScalarType.Float32, true)]
    [InlineData(ScalarType.BFloat16, false)]
    [InlineData(ScalarType.Float16, true)]
    public void CachedAttentionContinuesOverSegments(ScalarType type, bool sameLength)
    {
        const int T = 6, M = 4, H = 2, D = 8, All = 20;
        var (q, kv, r) = (Oracle.Normal(1, type, All, H * D), Oracle.Normal(2, type, All, 2 * H * D), Oracle.Normal(3, type, M + T, H * D));
        var (u, v) = (Oracle.Normal(5, ScalarType.Float32, H * D), Oracle.Normal(6, ScalarType.Float32, H * D));
        var (keys, values) = (zeros([H, M + T, D], type), zeros([H, M + T, D], type));
        foreach (var (position, rows) in new[] { (0, 5), (5, 1), (6, 6), (12, 2), (14, 1), (15, 3), (18, 1), (19, 1) })
        {
            // The segment up to here, before it what the memory holds of the last one.
            var (within, y) = (position % T, Oracle.Unwritten(type, rows, H * D));
            var (start, remembered) = (position - within, Math.Min(position - within, M));
            Kernels.RelativeAttentionCached(
                q.narrow(0, position, rows), kv.narrow(0, position, rows), r, u, v, [keys], [values], new([0], [within], [remembered]), M, sameLength, H, y);

            var (length, before) = (within + rows, cat([zeros([M - remembered, 2 * H * D], type), kv.narrow(0, start - remembered, remembered)], 0));
            var first = full([length], M - remembered, ScalarType.Int64);
            if (sameLength) first = maximum(first, arange(length) + 1);
            Tensor Wide(Tensor t) => t.to(ScalarType.Float64);
            var expected = Attend(
                Wide(q.narrow(0, start, length)), Wide(kv.narrow(0, start, length)), Wide(r.narrow(0, T - length, M + length)), Wide(u), Wide(v), Wide(before), first, 1, length, H).Y;
            Oracle.Close(expected.narrow(0, within, rows), y, $"rows from {position}");
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32, 0)]
    [InlineData(ScalarType.Float32, 3)]
    [InlineData(ScalarType.BFloat16, 3)]
    public void KeysOfDistancesAndTheirGradient(ScalarType type, long clamp)
    {
        const int L = 9, C = 6, K = 4;
        var (weight, dy) = (Oracle.Normal(1, type, C, K), Oracle.Normal(2, type, L, C));
        var rows = new List<double>();
        for (var distance = L - 1.0; distance >= 0; distance--)
        {
            var d = clamp > 0 ? Math.Min(distance, clamp) : distance;
            rows.AddRange([Math.Sin(d), Math.Sin(d / 100), Math.Cos(d), Math.Cos(d / 100)]);
        }

        var table = tensor(rows.ToArray(), [L, K]);
        var (value, gradients) = Oracle.Differentiate(i => table.matmul(i[0].t()), dy, weight);
        var (y, dWeight) = (Oracle.Unwritten(type, L, C), Oracle.Unwritten(ScalarType.Float32, C, K));
        Kernels.RelativeKeys(weight, clamp, y);
        Oracle.Close(value, y);
        Kernels.RelativeKeysGrad(dy, clamp, accumulate: false, dWeight);
        Oracle.Close(gradients[0], dWeight, "dWeight", Loose(type));
        Kernels.RelativeKeysGrad(dy, clamp, accumulate: true, dWeight);
        Oracle.Close(2 * gradients[0], dWeight, "dWeight added", Loose(type));
    }

    [Fact]
    public void ShapesThatDoNotFitAreNamed()
    {
        var exception = Assert.Throws<ArgumentException>(() => Kernels.RelativeAttention(
            zeros(6, 8), zeros(6, 16), zeros(4, 8), zeros(8), zeros(8), null, null, 2, 3, 2, zeros(6, 8), zeros(2, 2, 3)));
        Assert.Contains("keys of distances Float32[4, 8]", exception.Message, StringComparison.Ordinal);
        Assert.Contains("do not fit B 2, T 3, H 2", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheMemoryOfARowIsItsLastPositionsOfItsDocument()
    {
        const int B = 2, M = 4, End = 9;
        using var memory = new SegmentMemory(CPU, B, micro: 1, M, evaluation: M, [new("a", 1, 1, ScalarType.Float32, false), new("b", 1, 1, ScalarType.Float32, true)]);
        memory.StartOfText = End;

        // Row 0 goes on without end; row 1 has a document that begins at its sixth token.
        Check([1, 2, 3, 11, 12, 13], [0, 0, 0, 0, 0, 0, 0, 0], [4, 4, 4, 4, 4, 4], [4, 4, 4, 4, 4, 4]);
        Check([4, 5, 6, 14, 15, End], [0, 1, 2, 3, 0, 11, 12, 13], [1, 1, 1, 1, 1, 6], [1, 2, 3, 1, 2, 6]);
        Check([7, 8, 1, 16, 17, 18], [3, 4, 5, 6, 13, 14, 15, End], [0, 0, 0, 3, 3, 3], [1, 2, 3, 3, 3, 3]);
        memory.Clear();
        Check([7, 8, 1, 16, 17, 18], [0, 0, 0, 0, 0, 0, 0, 0], [4, 4, 4, 4, 4, 4], [4, 4, 4, 4, 4, 4]);

        void Check(long[] tokens, float[] remembered, long[] seen, long[] seenOfSameLength)
        {
            memory.Begin(0, tokens);
            using var x = tensor(tokens.Select(t => (float)t).ToArray(), [tokens.Length, 1]);
            var (y, other, all, window) = (zeros([B * M, 1]), zeros([B * M, 1]), zeros([tokens.Length], ScalarType.Int64), zeros([tokens.Length], ScalarType.Int64));
            for (var again = 0; again < 2; again++) // a recomputation gives the same
            {
                memory.Recall(0, 0, x, y, all);
                memory.Recall(1, 0, x, other, window);
            }

            memory.Advance();
            Assert.Equal(remembered, y.data<float>().ToArray());
            Assert.Equal(remembered, other.data<float>().ToArray());
            Assert.Equal(seen, all.data<long>().ToArray());
            Assert.Equal(seenOfSameLength, window.data<long>().ToArray());
        }
    }

    private static double Rough(ScalarType type) => 2 * Oracle.Tolerance(type);

    private static (Tensor Y, Tensor Lse) Attend(
        Tensor q, Tensor kv, Tensor r, Tensor u, Tensor v, Tensor? memoryKv, Tensor? visible, int batch, int sequence, int heads)
    {
        var width = q.size(1);
        var all = kv.view(batch, sequence, 2 * width);
        if (memoryKv is not null) all = cat([memoryKv.view(batch, -1, 2 * width), all], 1);
        var (positions, memory) = (all.size(1), all.size(1) - sequence);
        Tensor Heads(Tensor of) => of.reshape(batch, -1, heads, width / heads).transpose(1, 2);
        var (queries, keys, values) = (q.view(batch, sequence, width), Heads(all.narrow(2, 0, width)), Heads(all.narrow(2, width, width)));
        var distance = (arange(sequence).unsqueeze(1) + memory - arange(positions).unsqueeze(0)).clamp(min: 0);
        var ofDistances = r.index_select(0, (positions - 1 - distance).flatten()).view(sequence, positions, heads, width / heads);
        var scores = Heads(queries + u).matmul(keys.transpose(2, 3)) + einsum("bhtd,tshd->bhts", Heads(queries + v), ofDistances);
        var hidden = arange(positions).unsqueeze(0).gt(arange(sequence).unsqueeze(1) + memory).unsqueeze(0).unsqueeze(0);
        if (visible is not null) hidden = hidden.logical_or(arange(positions).view(1, 1, 1, -1).lt(visible.view(batch, 1, sequence, 1)));
        scores = (scores / Math.Sqrt(width / heads)).masked_fill(hidden, double.NegativeInfinity);
        return (scores.softmax(-1).matmul(values).transpose(1, 2).reshape(batch * sequence, width), scores.logsumexp(-1));
    }
}
