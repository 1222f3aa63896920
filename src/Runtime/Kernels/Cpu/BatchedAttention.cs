using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Attention on the CPU as batched matrix products by libtorch with our causal softmax between them. Each thread takes
/// whole key heads, so that scores stay in its cache; blocks of query rows skip most keys that lie after them.
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
        where T : unmanaged, IElement<T> =>
        Threads.For(shape.Batch * shape.KvHeads, 1, new ForwardRange<T>
        {
            Blocks = blocks, Shape = shape, Qkv = qkv, Y = y, Source = (T*)Cpu.Pointer(qkv), Destination = (T*)Cpu.Pointer(y), Lse = Cpu.Floats(lse),
        });

    private void Backward<T>(Tensor dy, Tensor qkv, Tensor y, Tensor lse, in AttentionShape shape, Tensor dqkv)
        where T : unmanaged, IElement<T> =>
        Threads.For(shape.Batch * shape.KvHeads, 1, new BackwardRange<T>
        {
            Blocks = blocks, Shape = shape, Qkv = qkv, DQkv = dqkv, Source = (T*)Cpu.Pointer(qkv), Gradient = (T*)Cpu.Pointer(dy),
            Output = (T*)Cpu.Pointer(y), Destination = (T*)Cpu.Pointer(dqkv), Lse = Cpu.Floats(lse),
        });

    /// <summary>Copies the query heads of one key head between packed rows and a matrix [T·G, D], row t·G + j for head j.</summary>
    private static void Pack<T>(T* rows, long stride, T* packed, long sequence, long width, bool unpack)
        where T : unmanaged
    {
        for (var t = 0L; t < sequence; t++)
        {
            var row = new Span<T>(rows + (t * stride), (int)width);
            var pack = new Span<T>(packed + (t * width), (int)width);
            if (unpack) pack.CopyTo(row);
            else row.CopyTo(pack);
        }
    }

    /// <summary>The rows of block i: the same number of queries each, up to one.</summary>
    private static (long Begin, long End) Block(int i, int blocks, long sequence) => (sequence * i / blocks, sequence * (i + 1) / blocks);

    private struct ForwardRange<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public int Blocks;
        public AttentionShape Shape;
        public Tensor Qkv, Y;
        public T* Source, Destination;
        public float* Lse;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var (t, d, g) = ((long)Shape.Sequence, Shape.HeadWidth, Shape.Group);
            // Queries and outputs [T·G, D] packed, then the largest block of scores.
            var scratch = Scratch.Rent(Qkv.dtype, (2 * t * g * d) + (Rows(t) * g * t));
            var q = (T*)Cpu.Pointer(scratch);
            var o = q + (t * g * d);
            var buffer = stackalloc float[checked((int)t) + Lanes.Count];
            for (var index = begin; index < end; index++)
            {
                var (b, h) = (index / Shape.KvHeads, index % Shape.KvHeads);
                var first = b * t * Shape.Width;
                Pack(Source + first + (h * g * d), Shape.Width, q, t, g * d, unpack: false);
                for (var i = 0; i < Blocks; i++) RunBlock(scratch, Block(i, Blocks, t), b, h, first, o + (t * g * d), buffer);
                Pack(Destination + (((b * t * Shape.KvHeads) + h) * g * d), Shape.Heads * d, o, t, g * d, unpack: true);
            }
        }

        private readonly long Rows(long sequence) => (sequence / Blocks) + 1;

        private readonly void RunBlock(Tensor scratch, (long Begin, long End) rows, long b, long h, long first, T* scores, float* buffer)
        {
            var (t, d, g) = ((long)Shape.Sequence, Shape.HeadWidth, Shape.Group);
            var (keys, count) = (rows.End, (rows.End - rows.Begin) * g);
            if (count == 0) return;
            using var q = NativeTensor.View(scratch, [count, d], [d, 1], rows.Begin * g * d);
            using var o = NativeTensor.View(scratch, [count, d], [d, 1], (t * g * d) + (rows.Begin * g * d));
            using var s = NativeTensor.View(scratch, [count, keys], [keys, 1], 2 * t * g * d);
            using var k = NativeTensor.View(Qkv, [d, keys], [1, Shape.Width], first + ((Shape.Heads + h) * d));
            using var v = NativeTensor.View(Qkv, [keys, d], [Shape.Width, 1], first + ((Shape.Heads + Shape.KvHeads + h) * d));
            MatrixProducts.Mm(s.Handle, q.Handle, k.Handle, cuda: false);
            for (var row = 0L; row < count; row++)
            {
                var (query, head) = (rows.Begin + (row / g), (h * g) + (row % g));
                Lse[(((b * Shape.Heads) + head) * t) + query] =
                    CausalSoftmax.Forward(scores + (row * keys), query + 1, keys, Shape.Scale, buffer);
            }

            MatrixProducts.Mm(o.Handle, s.Handle, v.Handle, cuda: false);
        }
    }

    private struct BackwardRange<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public int Blocks;
        public AttentionShape Shape;
        public Tensor Qkv, DQkv;
        public T* Source, Gradient, Output, Destination;
        public float* Lse;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var (t, d, g) = ((long)Shape.Sequence, Shape.HeadWidth, Shape.Group);
            // q, dy and dq [T·G, D]; y [T·G, D]; dk and dv [T, D]; then two blocks of scores.
            var scratch = Scratch.Rent(Qkv.dtype, (4 * t * g * d) + (2 * t * d) + (2 * ((t / Blocks) + 1) * g * t));
            var q = (T*)Cpu.Pointer(scratch);
            for (var index = begin; index < end; index++)
            {
                var (b, h) = (index / Shape.KvHeads, index % Shape.KvHeads);
                var first = b * t * Shape.Width;
                var rows = ((b * t * Shape.KvHeads) + h) * g * d;
                Pack(Source + first + (h * g * d), Shape.Width, q, t, g * d, unpack: false);
                Pack(Gradient + rows, Shape.Heads * d, q + (t * g * d), t, g * d, unpack: false);
                Pack(Output + rows, Shape.Heads * d, q + (3 * t * g * d), t, g * d, unpack: false);
                // The last block first: it writes the gradients of all keys, to which the others add.
                for (var i = Blocks - 1; i >= 0; i--) RunBlock(scratch, Block(i, Blocks, t), b, h, first, q);
                Pack(Destination + first + (h * g * d), Shape.Width, q + (2 * t * g * d), t, g * d, unpack: true);
                Pack(Destination + first + ((Shape.Heads + h) * d), Shape.Width, q + (4 * t * g * d), t, d, unpack: true);
                Pack(Destination + first + ((Shape.Heads + Shape.KvHeads + h) * d), Shape.Width, q + (4 * t * g * d) + (t * d), t, d, unpack: true);
            }
        }

        private readonly void RunBlock(Tensor scratch, (long Begin, long End) rows, long b, long h, long first, T* packed)
        {
            var (t, d, g) = ((long)Shape.Sequence, Shape.HeadWidth, Shape.Group);
            var (keys, count, start, size) = (rows.End, (rows.End - rows.Begin) * g, rows.Begin * g * d, t * g * d);
            if (count == 0) return;
            var (sAt, dpAt) = ((4 * size) + (2 * t * d), (4 * size) + (2 * t * d) + (count * keys));
            using var q = NativeTensor.View(scratch, [count, d], [d, 1], start);
            using var dy = NativeTensor.View(scratch, [count, d], [d, 1], size + start);
            using var dq = NativeTensor.View(scratch, [count, d], [d, 1], (2 * size) + start);
            using var dk = NativeTensor.View(scratch, [keys, d], [d, 1], 4 * size);
            using var dv = NativeTensor.View(scratch, [keys, d], [d, 1], (4 * size) + (t * d));
            using var s = NativeTensor.View(scratch, [count, keys], [keys, 1], sAt);
            using var sTransposed = NativeTensor.View(scratch, [keys, count], [1, keys], sAt);
            using var dp = NativeTensor.View(scratch, [count, keys], [keys, 1], dpAt);
            using var dpTransposed = NativeTensor.View(scratch, [keys, count], [1, keys], dpAt);
            using var k = NativeTensor.View(Qkv, [keys, d], [Shape.Width, 1], first + ((Shape.Heads + h) * d));
            using var kTransposed = NativeTensor.View(Qkv, [d, keys], [1, Shape.Width], first + ((Shape.Heads + h) * d));
            using var vTransposed = NativeTensor.View(Qkv, [d, keys], [1, Shape.Width], first + ((Shape.Heads + Shape.KvHeads + h) * d));

            MatrixProducts.Mm(s.Handle, q.Handle, kTransposed.Handle, cuda: false);
            MatrixProducts.Mm(dp.Handle, dy.Handle, vTransposed.Handle, cuda: false);
            for (var row = 0L; row < count; row++)
            {
                var (query, head) = (rows.Begin + (row / g), (h * g) + (row % g));
                // Σⱼ Pᵢⱼ dPᵢⱼ = dyᵢ · yᵢ (Dao et al. 2022)
                var delta = CausalSoftmax.Dot(packed + size + start + (row * d), packed + (3 * size) + start + (row * d), d);
                CausalSoftmax.Backward(
                    packed + sAt + (row * keys), packed + dpAt + (row * keys), query + 1, keys, Shape.Scale,
                    Lse[(((b * Shape.Heads) + head) * t) + query], delta);
            }

            MatrixProducts.Mm(dq.Handle, dp.Handle, k.Handle, cuda: false);
            if (rows.End == t)
            {
                MatrixProducts.Mm(dv.Handle, sTransposed.Handle, dy.Handle, cuda: false);
                MatrixProducts.Mm(dk.Handle, dpTransposed.Handle, q.Handle, cuda: false);
            }
            else
            {
                MatrixProducts.AddMm(dv.Handle, dv.Handle, sTransposed.Handle, dy.Handle, 1, cuda: false);
                MatrixProducts.AddMm(dk.Handle, dk.Handle, dpTransposed.Handle, q.Handle, 1, cuda: false);
            }
        }
    }
}
