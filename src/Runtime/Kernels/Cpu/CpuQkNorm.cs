using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// RMS normalization of query and key heads on the CPU, packed rows in one pass. Gradients of weights are summed over blocks
/// of rows and then over the blocks, in an order that does not depend on the number of threads.
/// </summary>
internal static unsafe class CpuQkNorm
{
    private const int RowsPerBlock = 64;

    public static void Forward(
        Tensor x, Tensor qWeight, Tensor kWeight, int heads, int kvHeads, double epsilon, Tensor y, Tensor rstd)
    {
        if (Cpu.IsBf16(x)) Forward<Bf16>(x, qWeight, kWeight, heads, kvHeads, epsilon, y, rstd);
        else if (Cpu.IsFp16(x)) Forward<Fp16>(x, qWeight, kWeight, heads, kvHeads, epsilon, y, rstd);
        else Forward<Fp32>(x, qWeight, kWeight, heads, kvHeads, epsilon, y, rstd);
    }

    public static void Backward(
        Tensor dy, Tensor x, Tensor rstd, Tensor qWeight, Tensor kWeight, int heads, int kvHeads, bool accumulate,
        Tensor dx, Tensor dqWeight, Tensor dkWeight)
    {
        if (Cpu.IsBf16(x)) Backward<Bf16>(dy, x, rstd, qWeight, kWeight, heads, kvHeads, accumulate, dx, dqWeight, dkWeight);
        else if (Cpu.IsFp16(x)) Backward<Fp16>(dy, x, rstd, qWeight, kWeight, heads, kvHeads, accumulate, dx, dqWeight, dkWeight);
        else Backward<Fp32>(dy, x, rstd, qWeight, kWeight, heads, kvHeads, accumulate, dx, dqWeight, dkWeight);
    }

    private static void Forward<T>(
        Tensor x, Tensor qWeight, Tensor kWeight, int heads, int kvHeads, double epsilon, Tensor y, Tensor rstd)
        where T : unmanaged, IElement<T>
    {
        var (length, d) = (x.numel(), qWeight.numel());
        var width = (heads + (2L * kvHeads)) * d;
        Threads.For(length / width, Cpu.RowGrain(width), new ForwardRows<T>
        {
            X = Cpu.Elements<T>(x, length), Y = Cpu.Elements<T>(y, length), Rstd = Cpu.Floats(rstd), Epsilon = (float)epsilon,
            QWeight = Cpu.Elements<Fp32>(qWeight, d), KWeight = Cpu.Elements<Fp32>(kWeight, d), Heads = heads, KvHeads = kvHeads, D = d,
        });
    }

    private static void Backward<T>(
        Tensor dy, Tensor x, Tensor rstd, Tensor qWeight, Tensor kWeight, int heads, int kvHeads, bool accumulate,
        Tensor dx, Tensor dqWeight, Tensor dkWeight)
        where T : unmanaged, IElement<T>
    {
        var (length, d) = (x.numel(), qWeight.numel());
        var width = (heads + (2L * kvHeads)) * d;
        var rows = length / width;
        var blocks = (rows + RowsPerBlock - 1) / RowsPerBlock;
        var sums = Cpu.Floats(Scratch.Rent(ScalarType.Float32, blocks * 2 * d));
        Threads.For(blocks, Math.Max(1, Cpu.RowGrain(width) / RowsPerBlock), new BackwardRows<T>
        {
            Dy = Cpu.Elements<T>(dy, length), X = Cpu.Elements<T>(x, length), Dx = Cpu.Elements<T>(dx, length), Rstd = Cpu.Floats(rstd),
            QWeight = Cpu.Elements<Fp32>(qWeight, d), KWeight = Cpu.Elements<Fp32>(kWeight, d), Sums = sums,
            Heads = heads, KvHeads = kvHeads, D = d, Rows = rows,
        });
        ColumnSums.Reduce(sums, blocks, 2 * d, d, accumulate, (float*)Cpu.Elements<Fp32>(dqWeight, d));
        ColumnSums.Reduce(sums + d, blocks, 2 * d, d, accumulate, (float*)Cpu.Elements<Fp32>(dkWeight, d));
    }

    private static void CopyValues<T>(T* from, T* into, long count)
        where T : unmanaged
    {
        if (from != into) new Span<T>(from, (int)count).CopyTo(new Span<T>(into, (int)count));
    }

    private struct ForwardRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* X, Y;
        public Fp32* QWeight, KWeight;
        public float* Rstd;
        public long Heads, KvHeads, D;
        public float Epsilon;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var normalized = Heads + KvHeads;
            for (var row = begin; row < end; row++)
            {
                var start = row * (normalized + KvHeads) * D;
                T* x = X + start, y = Y + start;
                for (var head = 0L; head < normalized; head++, x += D, y += D)
                {
                    var squares = Vector512<float>.Zero;
                    for (var i = 0L; i < D; i += Lanes.Count)
                    {
                        var value = Lanes.Load(x, i, D);
                        squares = Vector512.FusedMultiplyAdd(value, value, squares);
                    }

                    var rstd = 1 / MathF.Sqrt((Vector512.Sum(squares) / D) + Epsilon);
                    Rstd[(row * normalized) + head] = rstd;
                    var scale = Vector512.Create(rstd);
                    var weight = head < Heads ? QWeight : KWeight;
                    for (var i = 0L; i < D; i += Lanes.Count)
                        Lanes.Store(y, i, D, Lanes.Load(x, i, D) * scale * Lanes.Load(weight, i, D));
                }

                CopyValues(x, y, KvHeads * D);
            }
        }
    }

    private struct BackwardRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Dy, X, Dx;
        public Fp32* QWeight, KWeight;
        public float* Rstd, Sums;
        public long Heads, KvHeads, D, Rows;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var block = begin; block < end; block++)
            {
                var sums = Sums + (block * 2 * D);
                new Span<float>(sums, (int)(2 * D)).Clear();
                for (var row = block * RowsPerBlock; row < Math.Min(Rows, (block + 1) * RowsPerBlock); row++) RunRow(row, sums);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void RunRow(long row, float* sums)
        {
            var normalized = Heads + KvHeads;
            var start = row * (normalized + KvHeads) * D;
            for (var head = 0L; head < normalized; head++)
            {
                var offset = start + (head * D);
                var scale = Vector512.Create(Rstd[(row * normalized) + head]);
                if (head < Heads) RunHead(Dy + offset, X + offset, Dx + offset, scale, QWeight, (Fp32*)sums);
                else RunHead(Dy + offset, X + offset, Dx + offset, scale, KWeight, (Fp32*)(sums + D));
            }

            CopyValues(Dy + start + (normalized * D), Dx + start + (normalized * D), KvHeads * D);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void RunHead(T* dy, T* x, T* dx, Vector512<float> scale, Fp32* weight, Fp32* sums)
        {
            var products = Vector512<float>.Zero;
            for (var i = 0L; i < D; i += Lanes.Count)
            {
                var (gradient, normalized) = (Lanes.Load(dy, i, D), Lanes.Load(x, i, D) * scale);
                Lanes.Store(sums, i, D, Vector512.FusedMultiplyAdd(gradient, normalized, Lanes.Load(sums, i, D)));
                products = Vector512.FusedMultiplyAdd(gradient * Lanes.Load(weight, i, D), normalized, products);
            }

            var mean = Vector512.Create(Vector512.Sum(products) / D);
            for (var i = 0L; i < D; i += Lanes.Count)
            {
                var (weighted, normalized) = (Lanes.Load(dy, i, D) * Lanes.Load(weight, i, D), Lanes.Load(x, i, D) * scale);
                Lanes.Store(dx, i, D, (weighted - (normalized * mean)) * scale);
            }
        }
    }
}
