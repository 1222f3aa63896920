using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Soft caps on the CPU, in one pass.</summary>
internal static unsafe class CpuSoftcap
{
    public static void Forward(Tensor x, double cap, Tensor y)
    {
        if (Cpu.IsBf16(x)) Run<Bf16>(x, null, cap, y);
        else if (Cpu.IsFp16(x)) Run<Fp16>(x, null, cap, y);
        else Run<Fp32>(x, null, cap, y);
    }

    public static void Backward(Tensor dy, Tensor y, double cap, Tensor dx)
    {
        if (Cpu.IsBf16(y)) Run<Bf16>(y, dy, cap, dx);
        else if (Cpu.IsFp16(y)) Run<Fp16>(y, dy, cap, dx);
        else Run<Fp32>(y, dy, cap, dx);
    }

    private static void Run<T>(Tensor x, Tensor? gradient, double cap, Tensor into)
        where T : unmanaged, IElement<T>
    {
        var length = x.numel();
        Threads.For((length + Lanes.Count - 1) / Lanes.Count, Cpu.Grain / Lanes.Count, new Range<T>
        {
            X = Cpu.Elements<T>(x, length), Gradient = gradient is null ? null : Cpu.Elements<T>(gradient, length),
            Into = Cpu.Elements<T>(into, length), Cap = (float)cap, Length = length,
        });
    }

    private struct Range<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* X, Gradient, Into;
        public float Cap;
        public long Length;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var stop = Math.Min(Length, end * Lanes.Count);
            if (Gradient is null)
            {
                for (var i = begin * Lanes.Count; i < stop; i += Lanes.Count) Lanes.Store(Into, i, Length, TanhCap.Apply(Lanes.Load(X, i, Length), Cap));
            }
            else
            {
                for (var i = begin * Lanes.Count; i < stop; i += Lanes.Count)
                    Lanes.Store(Into, i, Length, Lanes.Load(Gradient, i, Length) * TanhCap.Slope(Lanes.Load(X, i, Length), Cap));
            }
        }
    }
}
