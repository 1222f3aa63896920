using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Attention on the CPU as batched matrix products by libtorch with our causal softmax between them. One sequence at a time,
/// so that its scores stay in the cache: its heads are packed into matrices [T·G, D] that lie one behind the other, since
/// products of strided operands run at half the speed. Blocks of query rows skip most keys that lie after them.
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
                var (begin, end) = Block(i, t);
                var count = (end - begin) * g;
                if (count == 0) continue;
                using var queryRows = View(scratch, h, count, d, t * g * d, begin * g * d);
                using var outputRows = View(scratch, h, count, d, count * d, queries);
                using var scoreRows = View(scratch, h, count, end, count * end, sAt);
                using var keysTransposed = Transposed(scratch, h, d, end, t * d, kAt);
                using var values = View(scratch, h, end, d, t * d, vAt);
                MatrixProducts.Bmm(scoreRows.Handle, queryRows.Handle, keysTransposed.Handle, cuda: false);
                Threads.For(h * count, Cpu.RowGrain(end), new SoftmaxRows<T>
                {
                    Scores = scores, Lse = sums + (b * shape.Heads * t), Shape = shape, Begin = begin, Count = count, Keys = end,
                });
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
                var (begin, end) = Block(i, t);
                var (count, start) = ((end - begin) * g, begin * g * d);
                if (count == 0) continue;
                var dsAt = sAt + block;
                using var queryRows = View(scratch, h, count, d, t * g * d, start);
                using var gradientRows = View(scratch, h, count, d, t * g * d, queries + start);
                using var dQueryRows = View(scratch, h, count, d, count * d, 2 * queries);
                using var scoreRows = View(scratch, h, count, end, count * end, sAt);
                using var scoresTransposed = Transposed(scratch, h, end, count, count * end, sAt);
                using var dScoreRows = View(scratch, h, count, end, count * end, dsAt);
                using var dScoresTransposed = Transposed(scratch, h, end, count, count * end, dsAt);
                using var keyRows = View(scratch, h, end, d, t * d, kAt);
                using var keysTransposed = Transposed(scratch, h, d, end, t * d, kAt);
                using var valuesTransposed = Transposed(scratch, h, d, end, t * d, vAt);
                using var dKeys = View(scratch, h, end, d, t * d, dkAt);
                using var dValues = View(scratch, h, end, d, t * d, dvAt);

                MatrixProducts.Bmm(scoreRows.Handle, queryRows.Handle, keysTransposed.Handle, cuda: false);
                MatrixProducts.Bmm(dScoreRows.Handle, gradientRows.Handle, valuesTransposed.Handle, cuda: false);
                Threads.For(h * count, Cpu.RowGrain(end), new SoftmaxGradientRows<T>
                {
                    Scores = s, Gradient = s + block, Dy = gradient + outputs, Y = output + outputs,
                    Lse = sums + (b * shape.Heads * t), Shape = shape, Begin = begin, Count = count, Keys = end,
                });
                MatrixProducts.Bmm(dQueryRows.Handle, dScoreRows.Handle, keyRows.Handle, cuda: false);
                Unpack(dq, into + (begin * shape.Width), shape.Width, end - begin, g * d, h);
                if (end == t)
                {
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

    /// <summary>The query positions of block i: the same number each, up to one.</summary>
    private (long Begin, long End) Block(int i, long sequence) => (sequence * i / blocks, sequence * (i + 1) / blocks);

    private long LargestBlock(long sequence) => (sequence + blocks - 1) / blocks;

    /// <summary>[heads, rows, columns] of the scratch, contiguous rows.</summary>
    private static NativeTensor View(Tensor scratch, long heads, long rows, long columns, long stride, long offset) =>
        NativeTensor.View(scratch, [heads, rows, columns], [stride, columns, 1], offset);

    /// <summary>[heads, rows, columns], the transpose of contiguous [heads, columns, rows].</summary>
    private static NativeTensor Transposed(Tensor scratch, long heads, long rows, long columns, long stride, long offset) =>
        NativeTensor.View(scratch, [heads, rows, columns], [stride, 1, rows], offset);

    /// <summary>Copies the heads of packed rows, each of some columns, into matrices one behind the other.</summary>
    private static void Pack<T>(T* rows, long stride, T* packed, long sequence, long columns, long heads)
        where T : unmanaged =>
        Copy(rows, stride, columns, packed, columns, sequence * columns, sequence, columns, heads);

    private static void Unpack<T>(T* packed, T* rows, long stride, long sequence, long columns, long heads)
        where T : unmanaged =>
        Copy(packed, columns, sequence * columns, rows, stride, columns, sequence, columns, heads);

    private static void Copy<T>(
        T* from, long fromRow, long fromHead, T* into, long intoRow, long intoHead, long sequence, long columns, long heads)
        where T : unmanaged =>
        Threads.For(sequence, Cpu.RowGrain(heads * columns), new CopyRows<T>
        {
            From = from, FromRow = fromRow, FromHead = fromHead, Into = into, IntoRow = intoRow, IntoHead = intoHead, Heads = heads, Columns = columns,
        });

    /// <summary>Row by row: the heads of a packed row lie side by side.</summary>
    private struct CopyRows<T> : IRange
        where T : unmanaged
    {
        public T* From, Into;
        public long FromRow, FromHead, IntoRow, IntoHead, Heads, Columns;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var bytes = Columns * sizeof(T);
            for (var row = begin; row < end; row++)
            {
                for (var head = 0L; head < Heads; head++)
                {
                    byte* from = (byte*)(From + (head * FromHead) + (row * FromRow)), into = (byte*)(Into + (head * IntoHead) + (row * IntoRow));
                    var i = 0L;
                    for (; i + Vector512<byte>.Count <= bytes; i += Vector512<byte>.Count) Vector512.Load(from + i).Store(into + i);
                    for (; i < bytes; i++) into[i] = from[i];
                }
            }
        }
    }

    /// <summary>Rows of scores [Hkv, queries · G, keys], a query's G heads one after the other.</summary>
    private struct SoftmaxRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Scores;
        public float* Lse;
        public AttentionShape Shape;
        public long Begin, Count, Keys;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var buffer = stackalloc float[checked((int)Keys) + Lanes.Count];
            for (var index = begin; index < end; index++)
            {
                var (head, query) = Shape.Query(index, Count, Begin);
                Lse[(head * Shape.Sequence) + query] = CausalSoftmax.Forward(Scores + (index * Keys), query + 1, Keys, Shape.Scale, buffer);
            }
        }
    }

    private struct SoftmaxGradientRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Scores, Gradient, Dy, Y;
        public float* Lse;
        public AttentionShape Shape;
        public long Begin, Count, Keys;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var d = Shape.HeadWidth;
            for (var index = begin; index < end; index++)
            {
                var (head, query) = Shape.Query(index, Count, Begin);
                // Σⱼ Pᵢⱼ dPᵢⱼ = dyᵢ · yᵢ (Dao et al. 2022)
                var at = ((query * Shape.Heads) + head) * d;
                CausalSoftmax.Backward(
                    Scores + (index * Keys), Gradient + (index * Keys), query + 1, Keys, Shape.Scale,
                    Lse[(head * Shape.Sequence) + query], CausalSoftmax.Dot(Dy + at, Y + at, d));
            }
        }
    }
}
