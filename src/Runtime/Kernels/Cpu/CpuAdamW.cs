using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// AdamW on the CPU in one pass over memory: gradients are scaled as they are read, and the copy of the weights in
/// the compute type is written with them.
/// </summary>
internal static unsafe class CpuAdamW
{
    /// <param name="weights">fp32, updated.</param>
    /// <param name="gradients">fp32, as weights.</param>
    /// <param name="first">Mean of gradients, fp32, as weights; updated.</param>
    /// <param name="second">Mean of squared gradients, fp32, as weights; updated.</param>
    /// <param name="copy">The weights in another element type, as weights; null for none.</param>
    /// <param name="step">From 1.</param>
    /// <param name="learningRate">Learning rate of the step.</param>
    /// <param name="beta1">Decay of the first moment.</param>
    /// <param name="beta2">Decay of the second moment.</param>
    /// <param name="epsilon">Added to the root of the second moment.</param>
    /// <param name="decay">Decoupled weight decay.</param>
    /// <param name="scale">What the gradients are multiplied by.</param>
    public static void Update(
        Tensor weights, Tensor gradients, Tensor first, Tensor second, Tensor? copy, int step, double learningRate, double beta1, double beta2,
        double epsilon, double decay, float scale)
    {
        if (copy is null) Run<Fp32>();
        else if (Cpu.IsBf16(copy)) Run<Bf16>();
        else Run<Fp16>();

        void Run<T>()
            where T : unmanaged, IElement<T>
        {
            var length = weights.numel();
            Threads.For((length + Lanes.Count - 1) / Lanes.Count, Cpu.Grain / Lanes.Count, new Groups<T>
            {
                Weights = Cpu.Elements<Fp32>(weights, length), Gradients = Cpu.Elements<Fp32>(gradients, length),
                First = Cpu.Elements<Fp32>(first, length), Second = Cpu.Elements<Fp32>(second, length),
                Copy = copy is null ? null : Cpu.Elements<T>(copy, length), Length = length,
                Shrink = (float)(-learningRate * decay), StepSize = (float)(learningRate / (1 - Math.Pow(beta1, step))),
                Correction = (float)(1 / Math.Sqrt(1 - Math.Pow(beta2, step))), Beta1 = (float)beta1, Beta2 = (float)beta2,
                Rest1 = (float)(1 - beta1), Rest2 = (float)(1 - beta2),
                Epsilon = (float)epsilon, Scale = scale,
            });
        }
    }

    private struct Groups<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public Fp32* Weights, Gradients, First, Second;
        public T* Copy;
        public long Length;
        public float Shrink, StepSize, Correction, Beta1, Beta2, Rest1, Rest2, Epsilon, Scale;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            var (shrink, stepSize, correction, scale) =
                (Vector512.Create(Shrink), Vector512.Create(StepSize), Vector512.Create(Correction), Vector512.Create(Scale));
            var (beta1, beta2, epsilon) = (Vector512.Create(Beta1), Vector512.Create(Beta2), Vector512.Create(Epsilon));
            var (rest1, rest2) = (Vector512.Create(Rest1), Vector512.Create(Rest2));
            var stop = Math.Min(Length, end * Lanes.Count);
            for (var i = begin * Lanes.Count; i < stop; i += Lanes.Count)
            {
                var gradient = Lanes.Load(Gradients, i, Length) * scale;
                var first = (beta1 * Lanes.Load(First, i, Length)) + (rest1 * gradient);
                var second = (beta2 * Lanes.Load(Second, i, Length)) + (rest2 * gradient * gradient);
                var step = stepSize * first / ((Vector512.Sqrt(second) * correction) + epsilon);
                var weight = Lanes.Load(Weights, i, Length);
                weight = Vector512.FusedMultiplyAdd(shrink, weight, weight) - step;
                Lanes.Store(First, i, Length, first);
                Lanes.Store(Second, i, Length, second);
                Lanes.Store(Weights, i, Length, weight);
                if (Copy != null) Lanes.Store(Copy, i, Length, weight);
            }
        }
    }
}
