using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Gradients of weights on the CPU in half precision: libtorch's product into kept memory, widened into fp32 in one pass.</summary>
internal static unsafe class CpuLinears
{
    /// <summary>dWeight [M, K] = dyᵀ [M, N] · x [N, K] of bf16 or fp16 operands; the sum over N is fp32 inside the product and rounded once.</summary>
    public static void GradWeight(nint dyTransposed, Tensor x, bool accumulate, Tensor dWeight)
    {
        if (Cpu.IsBf16(x)) GradWeight<Bf16>(dyTransposed, x.Handle, accumulate, dWeight);
        else GradWeight<Fp16>(dyTransposed, x.Handle, accumulate, dWeight);
    }

    /// <summary>dWeight [M, K] = dyᵀ [M, n] · x [n, K] of views in half precision.</summary>
    public static void GradWeight<T>(nint dyTransposed, nint x, bool accumulate, Tensor dWeight)
        where T : unmanaged, IElement<T>
    {
        var (length, width) = (dWeight.numel(), dWeight.size(1));
        var product = Scratch.Rent(T.Type, length);
        using (var into = NativeTensor.View(product, [dWeight.size(0), width], [width, 1]))
            MatrixProducts.Mm(into.Handle, dyTransposed, x, cuda: false);
        Threads.For((length + Lanes.Count - 1) / Lanes.Count, Cpu.Grain / Lanes.Count, new Groups<T>
        {
            Source = (T*)Cpu.Pointer(product), Into = (Fp32*)Cpu.Floats(dWeight), Length = length, Accumulate = accumulate,
        });
    }

    private struct Groups<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Source;
        public Fp32* Into;
        public long Length;
        public bool Accumulate;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var i = begin * Lanes.Count; i < Math.Min(Length, end * Lanes.Count); i += Lanes.Count)
            {
                var value = Lanes.Load(Source, i, Length);
                Lanes.Store(Into, i, Length, Accumulate ? value + Lanes.Load(Into, i, Length) : value);
            }
        }
    }
}
