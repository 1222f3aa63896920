using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Elementwise kernels on the CPU over rows to which a bias is added on the way.</summary>
internal static unsafe class BiasMap
{
    private const int RowsPerBlock = 64;

    /// <summary>y = f(x + bias); y may be x.</summary>
    public static void UnaryOr<TFunction, TCoarse>(Tensor x, Tensor bias, Tensor y)
        where TFunction : struct, IUnary
        where TCoarse : struct, IUnary
    {
        if (Cpu.IsBf16(x)) Unary<Bf16, TCoarse>(x, bias, y);
        else if (Cpu.IsFp16(x)) Unary<Fp16, TFunction>(x, bias, y);
        else Unary<Fp32, TFunction>(x, bias, y);
    }

    /// <summary>dx = f′(dy, x + bias), which may be dy, and its sums over rows.</summary>
    public static void GradientOr<TFunction, TCoarse>(Tensor dy, Tensor x, Tensor bias, bool accumulate, Tensor dx, Tensor dBias)
        where TFunction : struct, IBinary
        where TCoarse : struct, IBinary
    {
        if (Cpu.IsBf16(x)) Gradient<Bf16, TCoarse>(dy, x, bias, accumulate, dx, dBias);
        else if (Cpu.IsFp16(x)) Gradient<Fp16, TFunction>(dy, x, bias, accumulate, dx, dBias);
        else Gradient<Fp32, TFunction>(dy, x, bias, accumulate, dx, dBias);
    }

    /// <summary>y = a + b + bias; y may be a or b.</summary>
    public static void Add(Tensor a, Tensor b, Tensor bias, Tensor y)
    {
        if (Cpu.IsBf16(a)) Add<Bf16>(a, b, bias, y);
        else if (Cpu.IsFp16(a)) Add<Fp16>(a, b, bias, y);
        else Add<Fp32>(a, b, bias, y);
    }

    private static void Unary<T, TFunction>(Tensor x, Tensor bias, Tensor y)
        where T : unmanaged, IElement<T>
        where TFunction : struct, IUnary
    {
        var (length, width) = (x.numel(), bias.numel());
        Threads.For(length / width, Cpu.RowGrain(width), new UnaryRows<T, TFunction>
        {
            X = Cpu.Elements<T>(x, length), Bias = Cpu.Elements<T>(bias, width), Y = Cpu.Elements<T>(y, length), Width = width,
        });
    }

    private static void Gradient<T, TFunction>(Tensor dy, Tensor x, Tensor bias, bool accumulate, Tensor dx, Tensor dBias)
        where T : unmanaged, IElement<T>
        where TFunction : struct, IBinary
    {
        var (length, width) = (x.numel(), bias.numel());
        var (rows, blocks) = (length / width, ((length / width) + RowsPerBlock - 1) / RowsPerBlock);
        var sums = Cpu.Floats(Scratch.Rent(ScalarType.Float32, blocks * width));
        Threads.For(blocks, Math.Max(1, Cpu.RowGrain(width) / RowsPerBlock), new GradientRows<T, TFunction>
        {
            Dy = Cpu.Elements<T>(dy, length), X = Cpu.Elements<T>(x, length), Bias = Cpu.Elements<T>(bias, width),
            Dx = Cpu.Elements<T>(dx, length), Sums = sums, Width = width, Rows = rows,
        });
        ColumnSums.Reduce(sums, blocks, width, width, accumulate, (float*)Cpu.Elements<Fp32>(dBias, width));
    }

    private static void Add<T>(Tensor a, Tensor b, Tensor bias, Tensor y)
        where T : unmanaged, IElement<T>
    {
        var (length, width) = (a.numel(), bias.numel());
        Threads.For(length / width, Cpu.RowGrain(width), new SumRows<T>
        {
            A = Cpu.Elements<T>(a, length), B = Cpu.Elements<T>(b, length), Bias = Cpu.Elements<T>(bias, width),
            Y = Cpu.Elements<T>(y, length), Width = width,
        });
    }

    private struct UnaryRows<T, TFunction> : IRange
        where T : unmanaged, IElement<T>
        where TFunction : struct, IUnary
    {
        public T* X, Bias, Y;
        public long Width;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                T* x = X + (row * Width), y = Y + (row * Width);
                for (var i = 0L; i < Width; i += Lanes.Count)
                    Lanes.Store(y, i, Width, TFunction.Apply(Lanes.Load(x, i, Width) + Lanes.Load(Bias, i, Width)));
            }
        }
    }

    private struct SumRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* A, B, Bias, Y;
        public long Width;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                T* a = A + (row * Width), b = B + (row * Width), y = Y + (row * Width);
                for (var i = 0L; i < Width; i += Lanes.Count)
                    Lanes.Store(y, i, Width, Lanes.Load(a, i, Width) + (Lanes.Load(b, i, Width) + Lanes.Load(Bias, i, Width)));
            }
        }
    }

    private struct GradientRows<T, TFunction> : IRange
        where T : unmanaged, IElement<T>
        where TFunction : struct, IBinary
    {
        public T* Dy, X, Bias, Dx;
        public float* Sums;
        public long Width, Rows;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var block = begin; block < end; block++)
            {
                var sums = (Fp32*)(Sums + (block * Width));
                new Span<float>(sums, (int)Width).Clear();
                for (var row = block * RowsPerBlock; row < Math.Min(Rows, (block + 1) * RowsPerBlock); row++)
                {
                    T* dy = Dy + (row * Width), x = X + (row * Width), dx = Dx + (row * Width);
                    for (var i = 0L; i < Width; i += Lanes.Count)
                    {
                        var gradient = TFunction.Apply(Lanes.Load(dy, i, Width), Lanes.Load(x, i, Width) + Lanes.Load(Bias, i, Width));
                        Lanes.Store(dx, i, Width, gradient);
                        Lanes.Store(sums, i, Width, Lanes.Load(sums, i, Width) + gradient);
                    }
                }
            }
        }
    }
}
