using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Causal convolutions of single channels on the CPU. Rows are whole channels side by side, so lanes are channels.</summary>
internal static unsafe class CpuConvolution
{
    /// <summary>As <see cref="Kernels.Convolution"/>, with the rows [K − 1, C] before a single sequence, or null for none.</summary>
    public static void Run(Tensor x, Tensor weight, long sequence, Tensor? history, Tensor y)
    {
        if (Cpu.IsBf16(x)) Run<Bf16>(x, weight, sequence, history, y);
        else if (Cpu.IsFp16(x)) Run<Fp16>(x, weight, sequence, history, y);
        else Run<Fp32>(x, weight, sequence, history, y);
    }

    /// <summary>As <see cref="Kernels.ConvolutionGrad"/>.</summary>
    public static void Grad(Tensor dy, Tensor x, Tensor weight, long sequence, bool accumulate, Tensor dx, Tensor dWeight)
    {
        if (Cpu.IsBf16(x)) Grad<Bf16>(dy, x, weight, sequence, accumulate, dx, dWeight);
        else if (Cpu.IsFp16(x)) Grad<Fp16>(dy, x, weight, sequence, accumulate, dx, dWeight);
        else Grad<Fp32>(dy, x, weight, sequence, accumulate, dx, dWeight);
    }

    private static void Run<T>(Tensor x, Tensor weight, long sequence, Tensor? history, Tensor y)
        where T : unmanaged, IElement<T>
    {
        var (rows, width, kernel) = (x.size(0), x.size(1), weight.size(0));
        Threads.For(rows, Cpu.RowGrain(width * kernel), new Rows<T>
        {
            X = Cpu.Elements<T>(x, rows * width), Weight = Cpu.Elements<Fp32>(weight, kernel * width), Y = Cpu.Elements<T>(y, rows * width),
            History = history is null ? null : Cpu.Elements<T>(history, (kernel - 1) * width), Sequence = sequence, Width = width, Kernel = kernel,
        });
    }

    private static void Grad<T>(Tensor dy, Tensor x, Tensor weight, long sequence, bool accumulate, Tensor dx, Tensor dWeight)
        where T : unmanaged, IElement<T>
    {
        var (rows, width, kernel) = (x.size(0), x.size(1), weight.size(0));
        var gradient = Cpu.Elements<T>(dy, rows * width);
        var input = Cpu.Elements<T>(x, rows * width);
        var into = Cpu.Elements<Fp32>(dWeight, kernel * width);
        if (!accumulate) new Span<float>(into, checked((int)(kernel * width))).Clear();
        // A thread owns channels, so that the sums over rows have one order.
        Threads.For((width + Lanes.Count - 1) / Lanes.Count, Math.Max(1, Cpu.Grain / (rows * Lanes.Count)), new WeightSums<T>
        {
            Dy = gradient, X = input, Into = into, Rows = rows, Sequence = sequence, Width = width, Kernel = kernel,
        });
        Threads.For(rows, Cpu.RowGrain(width * kernel), new InputRows<T>
        {
            Dy = gradient, Weight = Cpu.Elements<Fp32>(weight, kernel * width), Dx = Cpu.Elements<T>(dx, rows * width),
            Sequence = sequence, Width = width, Kernel = kernel,
        });
    }

    private struct Rows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* X, Y, History;
        public Fp32* Weight;
        public long Sequence, Width, Kernel;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                var t = row % Sequence;
                for (var i = 0L; i < Width; i += Lanes.Count)
                {
                    var sum = Vector512<float>.Zero;
                    for (var k = 0L; k < Kernel; k++)
                    {
                        var back = Kernel - 1 - k;
                        if (back > t && History is null) continue;
                        var source = back > t ? History + ((Kernel - 1 - back + t) * Width) : X + ((row - back) * Width);
                        sum = Vector512.FusedMultiplyAdd(Lanes.Load(Weight + (k * Width), i, Width), Lanes.Load(source, i, Width), sum);
                    }
                    Lanes.Store(Y + (row * Width), i, Width, sum);
                }
            }
        }
    }

    private struct InputRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Dy, Dx;
        public Fp32* Weight;
        public long Sequence, Width, Kernel;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                var most = Math.Min(Kernel, Sequence - (row % Sequence));
                for (var i = 0L; i < Width; i += Lanes.Count)
                {
                    var sum = Vector512<float>.Zero;
                    for (var ahead = 0L; ahead < most; ahead++)
                        sum = Vector512.FusedMultiplyAdd(
                            Lanes.Load(Weight + ((Kernel - 1 - ahead) * Width), i, Width), Lanes.Load(Dy + ((row + ahead) * Width), i, Width), sum);
                    Lanes.Store(Dx + (row * Width), i, Width, sum);
                }
            }
        }
    }

    private struct WeightSums<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Dy, X;
        public Fp32* Into;
        public long Rows, Sequence, Width, Kernel;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var i = begin * Lanes.Count; i < Math.Min(Width, end * Lanes.Count); i += Lanes.Count)
                for (var k = 0L; k < Kernel; k++)
                {
                    var back = Kernel - 1 - k;
                    var sum = Lanes.Load(Into + (k * Width), i, Width);
                    for (var row = back; row < Rows; row++)
                        if (row % Sequence >= back)
                            sum = Vector512.FusedMultiplyAdd(Lanes.Load(Dy + (row * Width), i, Width), Lanes.Load(X + ((row - back) * Width), i, Width), sum);
                    Lanes.Store(Into + (k * Width), i, Width, sum);
                }
        }
    }
}
