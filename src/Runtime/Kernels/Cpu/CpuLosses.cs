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

    /// <summary>The logarithm of the sum of a row's exponentials.</summary>
    /// <param name="row">Logits.</param>
    /// <param name="bias">Added to them, or null.</param>
    /// <param name="width">Their number.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float LogSumExp<T>(T* row, T* bias, long width)
        where T : unmanaged, IElement<T>
    {
        var maxima = Vector512.Create(float.NegativeInfinity);
        for (var i = 0L; i < width; i += Lanes.Count) maxima = Vector512.Max(maxima, Logits(row, bias, i, width, float.NegativeInfinity));
        var maximum = Lanes.Max(maxima);
        var (offset, sums) = (Vector512.Create(maximum), Vector512<float>.Zero);
        for (var i = 0L; i < width; i += Lanes.Count) sums += Lanes.Exp(Logits(row, bias, i, width, float.NegativeInfinity) - offset);
        return maximum + MathF.Log(Vector512.Sum(sums));
    }

    /// <summary>(softmax − one-hot) · scale of a row; it may be written over the logits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WriteGradient<T>(T* row, T* bias, long target, float lse, float scale, T* gradient, long width)
        where T : unmanaged, IElement<T>
    {
        var (offset, factor) = (Vector512.Create(lse), Vector512.Create(scale));
        for (var i = 0L; i < width; i += Lanes.Count)
        {
            var probabilities = Lanes.Exp(Logits(row, bias, i, width) - offset);
            if (target - i is >= 0 and < Lanes.Count and var lane)
                probabilities = probabilities.WithElement((int)lane, probabilities[(int)lane] - 1);
            Lanes.Store(gradient, i, width, probabilities * factor);
        }
    }

    /// <summary>Logits i..i + 15 of a row, with their bias if there is one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Logits<T>(T* row, T* bias, long i, long width, float fill = 0)
        where T : unmanaged, IElement<T>
    {
        var logits = Lanes.Load(row, i, width, fill);
        return bias is null ? logits : logits + Lanes.Load(bias, i, width);
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
            for (var row = begin; row < end; row++) Lse[row] = LogSumExp(X + (row * Width), null, Width);
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
                var scale = Weights is null ? Scale : Scale * Weights[row / Sequence];
                WriteGradient(X + (row * Width), null, Targets[row], Lse[row], scale, Dx + (row * Width), Width);
            }
        }
    }
}
