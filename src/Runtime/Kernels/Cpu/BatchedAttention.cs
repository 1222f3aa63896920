using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static ModelCompiler.Runtime.Implementations.HeadRows;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Attention on the CPU as batched matrix products by libtorch with our softmax between them. One sequence at a time,
/// so that its scores stay in the cache: its heads are packed into matrices [T·G, D] that lie one behind the other, since
/// products of strided operands run at half the speed. Blocks of query rows skip most keys that lie after them or before
/// their window.
/// Scores are rounded to the compute type; softmax and its gradient are calculated in fp32.
/// </summary>
/// <param name="blocks">Number of blocks of query rows.</param>
internal sealed unsafe class BatchedAttention(int blocks) : IAttentionLowering
{
    public string Name => $"batched/{blocks}";

    public void Forward(Tensor qkv, in AttentionShape shape, Tensor y, Tensor lse)
    {
        if (Cpu.IsBf16(qkv)) Forward<Bf16>(qkv, shape, y, lse);
        else Forward<Fp32>(qkv, shape, y, lse);
    }

    public void Backward(Tensor dy, Tensor qkv, Tensor y, Tensor lse, in AttentionShape shape, Tensor dqkv)
    {
        if (Cpu.IsBf16(qkv)) Backward<Bf16>(dy, qkv, y, lse, shape, dqkv);
        else Backward<Fp32>(dy, qkv, y, lse, shape, dqkv);
    }

    private void Forward<T>(Tensor qkv, in AttentionShape shape, Tensor y, Tensor lse)
        where T : unmanaged, IElement<T>
    {
        var (t, d, g, h) = ((long)shape.Sequence, shape.HeadWidth, shape.Group, (long)shape.KvHeads);
        var (queries, keys) = (h * t * g * d, h * t * d);
        var scratch = Scratch.Rent(qkv.dtype, (2 * queries) + (2 * keys) + (h * LargestBlock(t) * g * t));
        var q = (T*)Cpu.Pointer(scratch);
        T* o = q + queries, k = o + queries, v = k + keys, scores = v + keys;
        var (kAt, vAt, sAt) = (2 * queries, (2 * queries) + keys, (2 * queries) + (2 * keys));
        T* source = (T*)Cpu.Pointer(qkv), destination = (T*)Cpu.Pointer(y);
        var sums = Cpu.Floats(lse);
        for (var b = 0L; b < shape.Batch; b++)
        {
            var rows = source + (b * t * shape.Width);
            Pack(rows, shape.Width, q, t, g * d, h);
            Pack(rows + (shape.Heads * d), shape.Width, k, t, d, h);
            Pack(rows + ((shape.Heads + h) * d), shape.Width, v, t, d, h);
            for (var i = 0; i < blocks; i++)
            {
                var (begin, end, first, seen) = Block(i, shape);
                var count = (end - begin) * g;
                if (count == 0) continue;
                using var queryRows = View(scratch, h, count, d, t * g * d, begin * g * d);
                using var outputRows = View(scratch, h, count, d, count * d, queries);
                using var scoreRows = View(scratch, h, count, seen, count * seen, sAt);
                using var keysTransposed = Transposed(scratch, h, d, seen, t * d, kAt + (first * d));
                using var values = View(scratch, h, seen, d, t * d, vAt + (first * d));
                MatrixProducts.Bmm(scoreRows.Handle, queryRows.Handle, keysTransposed.Handle, cuda: false);
                var rowsOfScores = new ScoreRows(shape, begin, count, first, seen);
                if (shape.Mask.Softcap > 0) Softmax<T, TanhCap>(h * count, scores, sums + (b * shape.Heads * t), rowsOfScores);
                else Softmax<T, NoCap>(h * count, scores, sums + (b * shape.Heads * t), rowsOfScores);
                MatrixProducts.Bmm(outputRows.Handle, scoreRows.Handle, values.Handle, cuda: false);
                Unpack(o, destination + (((b * t) + begin) * shape.Heads * d), shape.Heads * d, end - begin, g * d, h);
            }
        }
    }

    private void Backward<T>(Tensor dy, Tensor qkv, Tensor y, Tensor lse, in AttentionShape shape, Tensor dqkv)
        where T : unmanaged, IElement<T>
    {
        var (t, d, g, h) = ((long)shape.Sequence, shape.HeadWidth, shape.Group, (long)shape.KvHeads);
        var (queries, keys, block) = (h * t * g * d, h * t * d, h * LargestBlock(t) * g * t);
        // q, dy and dq [Hkv, T·G, D]; k, v, dk and dv [Hkv, T, D]; then two blocks of scores.
        var scratch = Scratch.Rent(qkv.dtype, (3 * queries) + (4 * keys) + (2 * block));
        var q = (T*)Cpu.Pointer(scratch);
        T* dyPacked = q + queries, dq = dyPacked + queries, k = dq + queries, v = k + keys, dk = v + keys, dv = dk + keys, s = dv + keys;
        var kAt = 3 * queries;
        var (vAt, dkAt, dvAt, sAt) = (kAt + keys, kAt + (2 * keys), kAt + (3 * keys), kAt + (4 * keys));
        T* source = (T*)Cpu.Pointer(qkv), destination = (T*)Cpu.Pointer(dqkv), gradient = (T*)Cpu.Pointer(dy), output = (T*)Cpu.Pointer(y);
        var sums = Cpu.Floats(lse);
        for (var b = 0L; b < shape.Batch; b++)
        {
            T* rows = source + (b * t * shape.Width), into = destination + (b * t * shape.Width);
            var outputs = b * t * shape.Heads * d;
            Pack(rows, shape.Width, q, t, g * d, h);
            Pack(gradient + outputs, shape.Heads * d, dyPacked, t, g * d, h);
            Pack(rows + (shape.Heads * d), shape.Width, k, t, d, h);
            Pack(rows + ((shape.Heads + h) * d), shape.Width, v, t, d, h);
            // The last block first: it writes the gradients of all keys, to which the others add.
            for (var i = blocks - 1; i >= 0; i--)
            {
                var (begin, end, first, seen) = Block(i, shape);
                var (count, start) = ((end - begin) * g, begin * g * d);
                if (count == 0) continue;
                var (dsAt, from) = (sAt + block, first * d);
                using var queryRows = View(scratch, h, count, d, t * g * d, start);
                using var gradientRows = View(scratch, h, count, d, t * g * d, queries + start);
                using var dQueryRows = View(scratch, h, count, d, count * d, 2 * queries);
                using var scoreRows = View(scratch, h, count, seen, count * seen, sAt);
                using var scoresTransposed = Transposed(scratch, h, seen, count, count * seen, sAt);
                using var dScoreRows = View(scratch, h, count, seen, count * seen, dsAt);
                using var dScoresTransposed = Transposed(scratch, h, seen, count, count * seen, dsAt);
                using var keyRows = View(scratch, h, seen, d, t * d, kAt + from);
                using var keysTransposed = Transposed(scratch, h, d, seen, t * d, kAt + from);
                using var valuesTransposed = Transposed(scratch, h, d, seen, t * d, vAt + from);
                using var dKeys = View(scratch, h, seen, d, t * d, dkAt + from);
                using var dValues = View(scratch, h, seen, d, t * d, dvAt + from);

                MatrixProducts.Bmm(scoreRows.Handle, queryRows.Handle, keysTransposed.Handle, cuda: false);
                MatrixProducts.Bmm(dScoreRows.Handle, gradientRows.Handle, valuesTransposed.Handle, cuda: false);
                var rowsOfScores = new ScoreRows(shape, begin, count, first, seen);
                if (shape.Mask.Softcap > 0)
                    SoftmaxGradient<T, TanhCap>(h * count, s, s + block, gradient + outputs, output + outputs, sums + (b * shape.Heads * t), rowsOfScores);
                else
                    SoftmaxGradient<T, NoCap>(h * count, s, s + block, gradient + outputs, output + outputs, sums + (b * shape.Heads * t), rowsOfScores);
                MatrixProducts.Bmm(dQueryRows.Handle, dScoreRows.Handle, keyRows.Handle, cuda: false);
                Unpack(dq, into + (begin * shape.Width), shape.Width, end - begin, g * d, h);
                if (end == t)
                {
                    Clear(dk, first * d, t * d, h);
                    Clear(dv, first * d, t * d, h);
                    MatrixProducts.Bmm(dValues.Handle, scoresTransposed.Handle, gradientRows.Handle, cuda: false);
                    MatrixProducts.Bmm(dKeys.Handle, dScoresTransposed.Handle, queryRows.Handle, cuda: false);
                }
                else
                {
                    MatrixProducts.AddBmm(dValues.Handle, dValues.Handle, scoresTransposed.Handle, gradientRows.Handle, 1, 1, cuda: false);
                    MatrixProducts.AddBmm(dKeys.Handle, dKeys.Handle, dScoresTransposed.Handle, queryRows.Handle, 1, 1, cuda: false);
                }
            }

            Unpack(dk, into + (shape.Heads * d), shape.Width, t, d, h);
            Unpack(dv, into + ((shape.Heads + h) * d), shape.Width, t, d, h);
        }
    }

    /// <summary>The query positions of block i, the same number each, up to one; the first key that one of them sees, and their number.</summary>
    private (long Begin, long End, long First, long Seen) Block(int i, in AttentionShape shape)
    {
        var sequence = (long)shape.Sequence;
        var (begin, end) = (sequence * i / blocks, sequence * (i + 1) / blocks);
        var first = shape.Mask.Keys(begin, sequence).First;
        return (begin, end, first, shape.Mask.Keys(end - 1, sequence).End - first);
    }

    private long LargestBlock(long sequence) => (sequence + blocks - 1) / blocks;

    /// <summary>Zeroes the first elements of each head: gradients of keys that the last block does not see.</summary>
    private static void Clear<T>(T* packed, long count, long stride, long heads)
        where T : unmanaged
    {
        for (var head = 0L; head < heads; head++) new Span<T>(packed + (head * stride), (int)count).Clear();
    }

    private static void Softmax<T, TCap>(long rows, T* scores, float* lse, ScoreRows of)
        where T : unmanaged, IElement<T>
        where TCap : struct, IScoreCap =>
        Threads.For(rows, Cpu.RowGrain(of.Seen), new SoftmaxRows<T, TCap> { Scores = scores, Lse = lse, Of = of });

    private static void SoftmaxGradient<T, TCap>(long rows, T* scores, T* gradient, T* dy, T* y, float* lse, ScoreRows of)
        where T : unmanaged, IElement<T>
        where TCap : struct, IScoreCap =>
        Threads.For(rows, Cpu.RowGrain(of.Seen), new SoftmaxGradientRows<T, TCap>
        {
            Scores = scores, Gradient = gradient, Dy = dy, Y = y, Lse = lse, Of = of,
        });

    /// <summary>Rows of scores [Hkv, queries · G, seen keys], a query's G heads one after the other.</summary>
    /// <param name="Shape">Of the attention.</param>
    /// <param name="Begin">Position of the first query.</param>
    /// <param name="Count">Rows of each key head.</param>
    /// <param name="First">Position of the first key.</param>
    /// <param name="Seen">Keys of a row.</param>
    private readonly record struct ScoreRows(AttentionShape Shape, long Begin, long Count, long First, long Seen)
    {
        public float Scale { get; } = Shape.Scale;

        public float Cap { get; } = (float)Shape.Mask.Softcap;

        /// <summary>Head and position of a row's query, and the part of the row that it sees.</summary>
        public (long Head, long Query, long From, long Keys) Row(long index)
        {
            var (head, query) = Shape.Query(index, Count, Begin);
            var (first, end) = Shape.Mask.Keys(query, Shape.Sequence);
            return (head, query, first - First, end - first);
        }
    }

    private struct SoftmaxRows<T, TCap> : IRange
        where T : unmanaged, IElement<T>
        where TCap : struct, IScoreCap
    {
        public T* Scores;
        public float* Lse;
        public ScoreRows Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var buffer = stackalloc float[checked((int)Of.Seen) + Lanes.Count];
            for (var index = begin; index < end; index++)
            {
                var (head, query, from, keys) = Of.Row(index);
                var row = Scores + (index * Of.Seen);
                new Span<T>(row, (int)from).Clear();
                Lse[(head * Of.Shape.Sequence) + query] =
                    MaskedSoftmax.Forward<T, TCap>(row + from, keys, Of.Seen - from, Of.Scale, Of.Cap, buffer);
            }
        }
    }

    private struct SoftmaxGradientRows<T, TCap> : IRange
        where T : unmanaged, IElement<T>
        where TCap : struct, IScoreCap
    {
        public T* Scores, Gradient, Dy, Y;
        public float* Lse;
        public ScoreRows Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var d = Of.Shape.HeadWidth;
            for (var index = begin; index < end; index++)
            {
                var (head, query, from, keys) = Of.Row(index);
                T* scores = Scores + (index * Of.Seen), gradient = Gradient + (index * Of.Seen);
                new Span<T>(scores, (int)from).Clear();
                new Span<T>(gradient, (int)from).Clear();
                // Σⱼ Pᵢⱼ dPᵢⱼ = dyᵢ · yᵢ (Dao et al. 2022)
                var at = ((query * Of.Shape.Heads) + head) * d;
                MaskedSoftmax.Backward<T, TCap>(
                    scores + from, gradient + from, keys, Of.Seen - from, Of.Scale, Of.Cap,
                    Lse[(head * Of.Shape.Sequence) + query], MaskedSoftmax.Dot(Dy + at, Y + at, d));
            }
        }
    }
}
