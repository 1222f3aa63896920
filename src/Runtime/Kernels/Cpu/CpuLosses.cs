using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Cross-entropy on the CPU, row by row in fp32, without a copy of the logits.</summary>
internal static unsafe class CpuLosses
{
    public static void CrossEntropy(Tensor logits, Tensor targets, Tensor? weights, Tensor loss, Tensor losses, Tensor lse, Tensor? accuracy = null)
    {
        if (Cpu.IsBf16(logits)) CrossEntropy<Bf16>(logits, targets, weights, loss, losses, lse, accuracy);
        else if (Cpu.IsFp16(logits)) CrossEntropy<Fp16>(logits, targets, weights, loss, losses, lse, accuracy);
        else CrossEntropy<Fp32>(logits, targets, weights, loss, losses, lse, accuracy);
    }

    public static void CrossEntropyGrad(Tensor logits, Tensor targets, Tensor lse, Tensor? weights, Tensor dLogits, double scale)
    {
        if (Cpu.IsBf16(logits)) CrossEntropyGrad<Bf16>(logits, targets, lse, weights, dLogits, scale);
        else if (Cpu.IsFp16(logits)) CrossEntropyGrad<Fp16>(logits, targets, lse, weights, dLogits, scale);
        else CrossEntropyGrad<Fp32>(logits, targets, lse, weights, dLogits, scale);
    }

    /// <summary>The number of rows that count, those with a target that is not negative; at least 1, to divide by.</summary>
    /// <exception cref="ArgumentException">A target lies outside the vocabulary.</exception>
    public static long CheckTargets(long* targets, long rows, long vocabulary)
    {
        var counted = 0L;
        for (var row = 0L; row < rows; row++)
        {
            if (targets[row] >= vocabulary)
                throw new ArgumentException($"Target {targets[row]} of row {row} lies outside the vocabulary of {vocabulary}.", nameof(targets));
            if (targets[row] >= 0) counted++;
        }

        return Math.Max(1, counted);
    }

    /// <summary>The largest of a row's logits, and the logarithm of the sum of their exponentials.</summary>
    /// <param name="row">Logits.</param>
    /// <param name="bias">Added to them, or null.</param>
    /// <param name="width">Their number.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (float Maximum, float LogSumExp) LogSumExp<T>(T* row, T* bias, long width)
        where T : unmanaged, IElement<T>
    {
        var maxima = Vector512.Create(float.NegativeInfinity);
        for (var i = 0L; i < width; i += Lanes.Count) maxima = Vector512.Max(maxima, Logits(row, bias, i, width, float.NegativeInfinity));
        var maximum = Lanes.Max(maxima);
        var (offset, sums) = (Vector512.Create(maximum), Vector512<float>.Zero);
        for (var i = 0L; i < width; i += Lanes.Count) sums += Lanes.Exp(Logits(row, bias, i, width, float.NegativeInfinity) - offset);
        return (maximum, maximum + MathF.Log(Vector512.Sum(sums)));
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

    private static void CrossEntropy<T>(Tensor logits, Tensor targets, Tensor? weights, Tensor loss, Tensor losses, Tensor lse, Tensor? accuracy)
        where T : unmanaged, IElement<T>
    {
        var (rows, width, batch) = (logits.size(0), logits.size(1), losses.numel());
        var x = (T*)Cpu.Pointer(logits);
        var target = (long*)Cpu.Pointer(targets);
        var sums = Cpu.Floats(lse);
        var counted = CheckTargets(target, rows, width);
        var maxima = accuracy is null ? null : Cpu.Floats(Scratch.Rent(ScalarType.Float32, rows));
        Threads.For(rows, Cpu.RowGrain(width), new Rows<T> { X = x, Targets = target, Lse = sums, Maxima = maxima, Width = width });
        var means = Cpu.Floats(losses);
        var weight = weights is null ? null : (float*)Cpu.Elements<Fp32>(weights, batch);
        var (total, hits) = (0.0, 0L);
        for (var (sequence, row) = (0L, 0L); sequence < batch; sequence++)
        {
            var (sum, count) = (0.0, 0L);
            for (var end = row + (rows / batch); row < end; row++)
            {
                if (target[row] < 0) continue;
                var logit = Lanes.Load(x + (row * width), target[row], width)[0];
                sum += sums[row] - logit;
                count++;
                if (maxima is not null && logit == maxima[row]) hits++;
            }

            means[sequence] = (float)(sum / Math.Max(1, count));
            total += weight is null ? sum : sum * weight[sequence];
        }

        *Cpu.Floats(loss) = (float)(total / counted);
        if (accuracy is not null) *Cpu.Floats(accuracy) = (float)((double)hits / counted);
    }

    private static void CrossEntropyGrad<T>(Tensor logits, Tensor targets, Tensor lse, Tensor? weights, Tensor dLogits, double scale)
        where T : unmanaged, IElement<T>
    {
        var (rows, width) = (logits.size(0), logits.size(1));
        var target = (long*)Cpu.Pointer(targets);
        Threads.For(rows, Cpu.RowGrain(width), new GradientRows<T>
        {
            X = (T*)Cpu.Pointer(logits), Dx = (T*)Cpu.Pointer(dLogits), Targets = target,
            Lse = Cpu.Floats(lse), Width = width, Scale = (float)(scale / CheckTargets(target, rows, width)),
            Weights = weights is null ? null : Cpu.Floats(weights), Sequence = weights is null ? rows : rows / weights.numel(),
        });
    }

    private struct Rows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* X;
        public long* Targets;
        public float* Lse, Maxima;
        public long Width;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                var (maximum, lse) = Targets[row] < 0 ? default : LogSumExp(X + (row * Width), null, Width);
                Lse[row] = lse;
                if (Maxima is not null) Maxima[row] = maximum;
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
                if (Targets[row] < 0)
                {
                    new Span<T>(Dx + (row * Width), checked((int)Width)).Clear();
                    continue;
                }

                var scale = Weights is null ? Scale : Scale * Weights[row / Sequence];
                WriteGradient(X + (row * Width), null, Targets[row], Lse[row], scale, Dx + (row * Width), Width);
            }
        }
    }
}
