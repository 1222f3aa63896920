using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Gradients of weights on the CPU under bf16: libtorch's product into kept memory, widened into fp32 in one pass.</summary>
internal static unsafe class CpuLinears
{
    /// <summary>dWeight [M, K] = dyᵀ · x of bf16 operands; the sum over N is fp32 inside the product and rounded once.</summary>
    public static void GradWeight(Tensor dy, Tensor x, bool accumulate, Tensor dWeight)
    {
        var length = dWeight.numel();
        var product = Scratch.Rent(ScalarType.BFloat16, length);
        using (var into = NativeTensor.View(product, [dWeight.shape[0], dWeight.shape[1]], [dWeight.shape[1], 1]))
        using (var transposed = NativeTensor.Transpose(dy))
            MatrixProducts.Mm(into.Handle, transposed.Handle, x.Handle, cuda: false);
        Threads.For((length + Lanes.Count - 1) / Lanes.Count, Cpu.Grain / Lanes.Count, new Groups
        {
            Source = (Bf16*)Cpu.Pointer(product), Into = (Fp32*)Cpu.Floats(dWeight), Length = length, Accumulate = accumulate,
        });
    }

    private struct Groups : IRange
    {
        public Bf16* Source;
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
