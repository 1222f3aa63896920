using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>The gated unit on the CPU, both halves in one pass.</summary>
internal static unsafe class CpuSwiglu
{
    public static void Forward(Tensor x, Tensor y)
    {
        if (Cpu.IsBf16(x)) Forward<Bf16>(x, y);
        else if (Cpu.IsFp16(x)) Forward<Fp16>(x, y);
        else Forward<Fp32>(x, y);
    }

    public static void Backward(Tensor dy, Tensor x, Tensor dx)
    {
        if (Cpu.IsBf16(x)) Backward<Bf16>(dy, x, dx);
        else if (Cpu.IsFp16(x)) Backward<Fp16>(dy, x, dx);
        else Backward<Fp32>(dy, x, dx);
    }

    private static void Forward<T>(Tensor x, Tensor y)
        where T : unmanaged, IElement<T>
    {
        var width = x.size(-1) / 2;
        Threads.For(x.numel() / (2 * width), Cpu.RowGrain(width), new ForwardRows<T> { X = (T*)Cpu.Pointer(x), Y = (T*)Cpu.Pointer(y), Width = width });
    }

    private static void Backward<T>(Tensor dy, Tensor x, Tensor dx)
        where T : unmanaged, IElement<T>
    {
        var width = x.size(-1) / 2;
        Threads.For(x.numel() / (2 * width), Cpu.RowGrain(width), new BackwardRows<T>
        {
            Dy = (T*)Cpu.Pointer(dy), X = (T*)Cpu.Pointer(x), Dx = (T*)Cpu.Pointer(dx), Width = width,
        });
    }

    private struct ForwardRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* X, Y;
        public long Width;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                T* gate = X + (row * 2 * Width), up = gate + Width, y = Y + (row * Width);
                for (var i = 0L; i < Width; i += Lanes.Count)
                    Lanes.Store(y, i, Width, Silu.Apply(Lanes.Load(gate, i, Width)) * Lanes.Load(up, i, Width));
            }
        }
    }

    private struct BackwardRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Dy, X, Dx;
        public long Width;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                T* dy = Dy + (row * Width), gate = X + (row * 2 * Width), up = gate + Width;
                T* dGate = Dx + (row * 2 * Width), dUp = dGate + Width;
                for (var i = 0L; i < Width; i += Lanes.Count)
                {
                    var (gradient, gates, ups) = (Lanes.Load(dy, i, Width), Lanes.Load(gate, i, Width), Lanes.Load(up, i, Width));
                    Lanes.Store(dGate, i, Width, SiluGrad.Apply(gradient * ups, gates));
                    Lanes.Store(dUp, i, Width, gradient * Silu.Apply(gates));
                }
            }
        }
    }
}
