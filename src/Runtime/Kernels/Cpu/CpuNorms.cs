using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Layer and RMS normalization on the CPU, one pass over each row while it is in cache. Gradients of parameters are summed
/// over blocks of rows and then over the blocks, in an order that does not depend on the number of threads.
/// </summary>
internal static unsafe class CpuNorms
{
    private const int RowsPerBlock = 64;

    /// <summary>y = (x − mean) · rstd · weight + bias; without <paramref name="mean"/>, RMS normalization.</summary>
    public static void Forward(Tensor x, Tensor weight, Tensor? bias, double epsilon, Tensor y, Tensor? mean, Tensor rstd)
    {
        if (Cpu.IsBf16(x)) Forward<Bf16>(x, weight, bias, epsilon, y, mean, rstd);
        else if (Cpu.IsFp16(x)) Forward<Fp16>(x, weight, bias, epsilon, y, mean, rstd);
        else Forward<Fp32>(x, weight, bias, epsilon, y, mean, rstd);
    }

    /// <summary>Of rows in memory, on this thread.</summary>
    /// <param name="centers">Whether each row's mean is taken off.</param>
    public static void Forward(float* x, float* weight, float* bias, float epsilon, float* y, bool centers, int rows, int width)
    {
        var statistics = stackalloc float[2 * rows];
        new ForwardRows<Fp32>
        {
            X = (Fp32*)x, Y = (Fp32*)y, Weight = weight, Bias = bias, Mean = centers ? statistics : null, Rstd = statistics + rows,
            Width = width, Epsilon = epsilon,
        }.Run(0, rows);
    }

    /// <summary>The gradient of <see cref="Forward(Tensor, Tensor, Tensor?, double, Tensor, Tensor?, Tensor)"/>, plus the addend if given.</summary>
    public static void Backward(
        Tensor dy, Tensor x, Tensor? mean, Tensor rstd, Tensor weight, bool accumulate, Tensor dx, Tensor dWeight, Tensor? dBias, Tensor? addend = null)
    {
        if (Cpu.IsBf16(x)) Backward<Bf16>(dy, x, mean, rstd, weight, accumulate, dx, dWeight, dBias, addend);
        else if (Cpu.IsFp16(x)) Backward<Fp16>(dy, x, mean, rstd, weight, accumulate, dx, dWeight, dBias, addend);
        else Backward<Fp32>(dy, x, mean, rstd, weight, accumulate, dx, dWeight, dBias, addend);
    }

    private static void Forward<T>(Tensor x, Tensor weight, Tensor? bias, double epsilon, Tensor y, Tensor? mean, Tensor rstd)
        where T : unmanaged, IElement<T>
    {
        var width = x.size(-1);
        Threads.For(x.numel() / width, Cpu.RowGrain(width), new ForwardRows<T>
        {
            X = (T*)Cpu.Pointer(x), Y = (T*)Cpu.Pointer(y), Weight = Cpu.Floats(weight), Bias = bias is null ? null : Cpu.Floats(bias),
            Mean = mean is null ? null : Cpu.Floats(mean), Rstd = Cpu.Floats(rstd), Width = width, Epsilon = (float)epsilon,
        });
    }

    private static void Backward<T>(
        Tensor dy, Tensor x, Tensor? mean, Tensor rstd, Tensor weight, bool accumulate, Tensor dx, Tensor dWeight, Tensor? dBias, Tensor? addend)
        where T : unmanaged, IElement<T>
    {
        var width = x.size(-1);
        var rows = x.numel() / width;
        var blocks = (rows + RowsPerBlock - 1) / RowsPerBlock;
        var sums = Cpu.Floats(Scratch.Rent(ScalarType.Float32, blocks * 2 * width));
        Threads.For(blocks, Math.Max(1, Cpu.RowGrain(width) / RowsPerBlock), new BackwardRows<T>
        {
            Dy = (T*)Cpu.Pointer(dy), X = (T*)Cpu.Pointer(x), Dx = (T*)Cpu.Pointer(dx), Weight = Cpu.Floats(weight),
            Mean = mean is null ? null : Cpu.Floats(mean), Rstd = Cpu.Floats(rstd), Sums = sums, Width = width, Rows = rows,
            Addend = addend is null ? null : Cpu.Elements<T>(addend, x.numel()),
        });
        ColumnSums.Reduce(sums, blocks, 2 * width, width, accumulate, Cpu.Floats(dWeight));
        if (dBias is not null) ColumnSums.Reduce(sums + width, blocks, 2 * width, width, accumulate, Cpu.Floats(dBias));
    }

    private struct ForwardRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* X, Y;
        public float* Weight, Bias, Mean, Rstd;
        public long Width;
        public float Epsilon;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            Fp32* weight = (Fp32*)Weight, bias = (Fp32*)Bias;
            for (var row = begin; row < end; row++)
            {
                var x = X + (row * Width);
                var y = Y + (row * Width);
                var mean = 0f;
                if (Mean is not null)
                {
                    var sums = Vector512<float>.Zero;
                    for (var i = 0L; i < Width; i += Lanes.Count) sums += Lanes.Load(x, i, Width);
                    Mean[row] = mean = Vector512.Sum(sums) / Width;
                }

                var (center, squares) = (Vector512.Create(mean), Vector512<float>.Zero);
                for (var i = 0L; i < Width; i += Lanes.Count)
                {
                    var centered = Lanes.Load(x, i, Width) - center;
                    if (i + Lanes.Count > Width) centered = Lanes.First(centered, Width - i); // beyond the row's end lies −mean
                    squares = Vector512.FusedMultiplyAdd(centered, centered, squares);
                }

                var rstd = 1 / MathF.Sqrt((Vector512.Sum(squares) / Width) + Epsilon);
                Rstd[row] = rstd;
                var scale = Vector512.Create(rstd);
                for (var i = 0L; i < Width; i += Lanes.Count)
                {
                    var value = (Lanes.Load(x, i, Width) - center) * scale * Lanes.Load(weight, i, Width);
                    Lanes.Store(y, i, Width, Bias is null ? value : value + Lanes.Load(bias, i, Width));
                }
            }
        }
    }

    private struct BackwardRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Dy, X, Dx, Addend;
        public float* Weight, Mean, Rstd, Sums;
        public long Width, Rows;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var block = begin; block < end; block++)
            {
                var sums = Sums + (block * 2 * Width);
                new Span<float>(sums, (int)(2 * Width)).Clear();
                for (var row = block * RowsPerBlock; row < Math.Min(Rows, (block + 1) * RowsPerBlock); row++) RunRow(row, sums);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void RunRow(long row, float* sums)
        {
            T* dy = Dy + (row * Width), x = X + (row * Width), dx = Dx + (row * Width);
            Fp32* weight = (Fp32*)Weight, weightSums = (Fp32*)sums, biasSums = (Fp32*)(sums + Width);
            var center = Vector512.Create(Mean is null ? 0 : Mean[row]);
            var scale = Vector512.Create(Rstd[row]);
            var (gradients, products) = (Vector512<float>.Zero, Vector512<float>.Zero);
            for (var i = 0L; i < Width; i += Lanes.Count)
            {
                var gradient = Lanes.Load(dy, i, Width);
                var normalized = (Lanes.Load(x, i, Width) - center) * scale;
                Lanes.Store(weightSums, i, Width, Vector512.FusedMultiplyAdd(gradient, normalized, Lanes.Load(weightSums, i, Width)));
                Lanes.Store(biasSums, i, Width, gradient + Lanes.Load(biasSums, i, Width));
                var weighted = gradient * Lanes.Load(weight, i, Width);
                gradients += weighted;
                products = Vector512.FusedMultiplyAdd(weighted, normalized, products);
            }

            var mean = Vector512.Create(Mean is null ? 0 : Vector512.Sum(gradients) / Width);
            var product = Vector512.Create(Vector512.Sum(products) / Width);
            for (var i = 0L; i < Width; i += Lanes.Count)
            {
                var normalized = (Lanes.Load(x, i, Width) - center) * scale;
                var weighted = Lanes.Load(dy, i, Width) * Lanes.Load(weight, i, Width);
                var gradient = (weighted - mean - (normalized * product)) * scale;
                Lanes.Store(dx, i, Width, Addend is null ? gradient : gradient + Lanes.Load(Addend + (row * Width), i, Width));
            }
        }
    }
}
