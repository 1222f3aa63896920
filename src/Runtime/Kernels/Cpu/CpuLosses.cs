using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Cross-entropy on the CPU, row by row in fp32, without a copy of the logits.</summary>
internal static unsafe class CpuLosses
{
    public static void CrossEntropy(Tensor logits, Tensor targets, Tensor? weights, Tensor loss, Tensor losses, Tensor lse)
    {
        if (Cpu.IsBf16(logits)) CrossEntropy<Bf16>(logits, targets, weights, loss, losses, lse);
        else if (Cpu.IsFp16(logits)) CrossEntropy<Fp16>(logits, targets, weights, loss, losses, lse);
        else CrossEntropy<Fp32>(logits, targets, weights, loss, losses, lse);
    }

    public static void CrossEntropyGrad(Tensor logits, Tensor targets, Tensor lse, Tensor? weights, Tensor dLogits, double scale)
    {
        if (Cpu.IsBf16(logits)) CrossEntropyGrad<Bf16>(logits, targets, lse, weights, dLogits, scale);
        else if (Cpu.IsFp16(logits)) CrossEntropyGrad<Fp16>(logits, targets, lse, weights, dLogits, scale);
        else CrossEntropyGrad<Fp32>(logits, targets, lse, weights, dLogits, scale);
    }

    /// <exception cref="ArgumentException">A target lies outside the vocabulary.</exception>
    public static void CheckTargets(long* targets, long rows, long vocabulary)
    {
        for (var row = 0L; row < rows; row++)
        {
            if ((ulong)targets[row] >= (ulong)vocabulary)
                throw new ArgumentException($"Target {targets[row]} of row {row} lies outside the vocabulary of {vocabulary}.", nameof(targets));
        }
    }

    private static void CrossEntropy<T>(Tensor logits, Tensor targets, Tensor? weights, Tensor loss, Tensor losses, Tensor lse)
        where T : unmanaged, IElement<T>
    {
        var (rows, width, batch) = (logits.size(0), logits.size(1), losses.numel());
        var x = (T*)Cpu.Pointer(logits);
        var target = (long*)Cpu.Pointer(targets);
        var sums = Cpu.Floats(lse);
        CheckTargets(target, rows, width);
        Threads.For(rows, Cpu.RowGrain(width), new Rows<T> { X = x, Lse = sums, Width = width });
        var means = Cpu.Floats(losses);
        var weight = weights is null ? null : (float*)Cpu.Elements<Fp32>(weights, batch);
        var total = 0.0;
        for (var (sequence, row) = (0L, 0L); sequence < batch; sequence++)
        {
            var sum = 0.0;
            for (var end = row + (rows / batch); row < end; row++)
                sum += sums[row] - Lanes.Load(x + (row * width), target[row], width)[0];
            var mean = sum * batch / rows;
            means[sequence] = (float)mean;
            total += weight is null ? mean : mean * weight[sequence];
        }

        *Cpu.Floats(loss) = (float)(total / batch);
    }

    private static void CrossEntropyGrad<T>(Tensor logits, Tensor targets, Tensor lse, Tensor? weights, Tensor dLogits, double scale)
        where T : unmanaged, IElement<T>
    {
        var (rows, width) = (logits.size(0), logits.size(1));
        Threads.For(rows, Cpu.RowGrain(width), new GradientRows<T>
        {
            X = (T*)Cpu.Pointer(logits), Dx = (T*)Cpu.Pointer(dLogits), Targets = (long*)Cpu.Pointer(targets),
            Lse = Cpu.Floats(lse), Width = width, Scale = (float)(scale / rows),
            Weights = weights is null ? null : Cpu.Floats(weights), Sequence = weights is null ? rows : rows / weights.numel(),
        });
    }

    private struct Rows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* X;
        public float* Lse;
        public long Width;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                var x = X + (row * Width);
                var maxima = Vector512.Create(float.NegativeInfinity);
                for (var i = 0L; i < Width; i += Lanes.Count) maxima = Vector512.Max(maxima, Lanes.Load(x, i, Width, float.NegativeInfinity));
                var maximum = Lanes.Max(maxima);
                var (offset, sums) = (Vector512.Create(maximum), Vector512<float>.Zero);
                for (var i = 0L; i < Width; i += Lanes.Count) sums += Lanes.Exp(Lanes.Load(x, i, Width, float.NegativeInfinity) - offset);
                Lse[row] = maximum + MathF.Log(Vector512.Sum(sums));
            }
        }
    }

    private struct GradientRows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* X, Dx;
        public long* Targets;
        public float* Lse, Weights;
        public long Width, Sequence;
        public float Scale;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                var scale = Vector512.Create(Weights is null ? Scale : Scale * Weights[row / Sequence]);
                T* x = X + (row * Width), dx = Dx + (row * Width);
                var (target, offset) = (Targets[row], Vector512.Create(Lse[row]));
                for (var i = 0L; i < Width; i += Lanes.Count)
                {
                    var probabilities = Lanes.Exp(Lanes.Load(x, i, Width) - offset);
                    if (target - i is >= 0 and < Lanes.Count and var lane)
                        probabilities = probabilities.WithElement((int)lane, probabilities[(int)lane] - 1);
                    Lanes.Store(dx, i, Width, probabilities * scale);
                }
            }
        }
    }
}
