using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Output head and cross-entropy on the CPU, some rows at a time: the logits of a chunk, their losses, and in the same pass over
/// them their gradient, from which that of head and input follow before the next chunk takes the memory.
/// </summary>
internal static unsafe class ChunkedLoss
{
    private const int RowsPerPass = 2048;

    /// <summary>The gradients to write; without them only losses are calculated.</summary>
    public readonly record struct Gradients(Tensor Dx, Tensor? DWeight, Tensor? DBias, bool Accumulate, double Scale);

    public static void Run(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, Tensor chunk, Gradients? gradients, Tensor loss, Tensor losses, Tensor? accuracy = null)
    {
        if (Cpu.IsBf16(x)) Run<Bf16>(x, weight, bias, targets, weights, chunk, gradients, loss, losses, accuracy);
        else if (Cpu.IsFp16(x)) Run<Fp16>(x, weight, bias, targets, weights, chunk, gradients, loss, losses, accuracy);
        else Run<Fp32>(x, weight, bias, targets, weights, chunk, gradients, loss, losses, accuracy);
    }

    private static void Run<T>(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, Tensor chunk, Gradients? gradients, Tensor loss, Tensor losses, Tensor? accuracy)
        where T : unmanaged, IElement<T>
    {
        var (rows, width, vocabulary, batch) = (x.size(0), x.size(1), weight.size(0), losses.numel());
        var (sequence, most) = (rows / batch, chunk.size(0));
        var target = (long*)Cpu.Elements(targets, ScalarType.Int64, rows);
        var (counted, hits) = (CpuLosses.CheckTargets(target, rows, vocabulary), 0L);
        var logits = Cpu.Elements<T>(chunk, most * vocabulary);
        var means = (float*)Cpu.Elements<Fp32>(losses, batch);
        var factors = weights is null ? null : (float*)Cpu.Elements<Fp32>(weights, batch);
        new Span<float>(means, checked((int)batch)).Clear();
        using var weightTransposed = NativeTensor.Transpose(weight);
        float* nats = stackalloc float[RowsPerPass], hit = stackalloc float[RowsPerPass];
        for (var first = 0L; first < rows; first += most)
        {
            var count = Math.Min(most, rows - first);
            using var input = NativeTensor.View(x, [count, width], [width, 1], first * width);
            using var scores = NativeTensor.View(chunk, [count, vocabulary], [vocabulary, 1]);
            MatrixProducts.Mm(scores.Handle, input.Handle, weightTransposed.Handle, cuda: false);
            for (var begin = 0L; begin < count; begin += RowsPerPass)
            {
                var pass = Math.Min(RowsPerPass, count - begin);
                Threads.For(pass, Cpu.RowGrain(vocabulary), new Rows<T>
                {
                    Logits = logits + (begin * vocabulary), Bias = bias is null ? null : Cpu.Elements<T>(bias, vocabulary),
                    Targets = target + first + begin, Weights = factors, Nats = nats, Hits = hit, Width = vocabulary, Sequence = sequence,
                    First = first + begin, Scale = gradients is { } g ? (float)(g.Scale / counted) : 0, WritesGradient = gradients is not null,
                });
                for (var row = 0L; row < pass; row++)
                {
                    means[(first + begin + row) / sequence] += nats[row];
                    hits += (long)hit[row];
                }
            }

            if (gradients is { } into) Backward<T>(input.Handle, weight, chunk, logits, count, first, into);
        }

        Write(means, target, factors, batch, sequence, vocabulary, counted, hits, loss, accuracy);
    }

    /// <summary>The results of the summed losses of the sequences, which become their means.</summary>
    public static void Write(
        float* means, long* target, float* factors, long batch, long sequence, long vocabulary, long counted, long hits, Tensor loss, Tensor? accuracy)
    {
        var total = 0.0;
        for (var b = 0L; b < batch; b++)
        {
            total += means[b] * (factors is null ? 1.0 : factors[b]);
            means[b] /= CpuLosses.CheckTargets(target + (b * sequence), sequence, vocabulary);
        }

        *Cpu.Floats(loss) = (float)(total / counted);
        if (accuracy is not null) *Cpu.Floats(accuracy) = (float)((double)hits / counted);
    }

    /// <summary>Gradients of a chunk's rows. That of the input comes last: it may lie where the input does.</summary>
    public static void Backward<T>(nint input, Tensor weight, Tensor chunk, T* dLogits, long count, long first, in Gradients into)
        where T : unmanaged, IElement<T>
    {
        var (vocabulary, width) = (weight.size(0), weight.size(1));
        var accumulate = into.Accumulate || first > 0;
        using var gradient = NativeTensor.View(chunk, [count, vocabulary], [vocabulary, 1]);
        using var transposed = NativeTensor.View(chunk, [vocabulary, count], [1, vocabulary]);
        using var dInput = NativeTensor.View(into.Dx, [count, width], [width, 1], first * width);
        if (into.DBias is not null) ColumnSums.Sum(dLogits, count, vocabulary, accumulate, into.DBias);
        if (into.DWeight is { } dWeight) GradWeight<T>(transposed.Handle, input, accumulate, dWeight);
        MatrixProducts.Mm(dInput.Handle, gradient.Handle, weight.Handle, cuda: false);
    }

    private static void GradWeight<T>(nint transposed, nint input, bool accumulate, Tensor dWeight)
        where T : unmanaged, IElement<T>
    {
        if (typeof(T) != typeof(Fp32)) CpuLinears.GradWeight<T>(transposed, input, accumulate, dWeight);
        else if (accumulate) MatrixProducts.AddMm(dWeight.Handle, dWeight.Handle, transposed, input, 1, cuda: false);
        else MatrixProducts.Mm(dWeight.Handle, transposed, input, cuda: false);
    }

    private struct Rows<T> : IRange
        where T : unmanaged, IElement<T>
    {
        public T* Logits, Bias;
        public long* Targets;
        public float* Weights, Nats, Hits;
        public long Width, Sequence, First;
        public float Scale;
        public bool WritesGradient;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                var x = Logits + (row * Width);
                var target = Targets[row];
                if (target < 0)
                {
                    (Nats[row], Hits[row]) = (0, 0);
                    if (WritesGradient) new Span<T>(x, checked((int)Width)).Clear();
                    continue;
                }

                var (maximum, lse) = CpuLosses.LogSumExp(x, Bias, Width);
                var logit = CpuLosses.Logits(x, Bias, target, Width)[0];
                (Nats[row], Hits[row]) = (lse - logit, logit == maximum ? 1 : 0);
                if (!WritesGradient) continue;
                var scale = Weights is null ? Scale : Scale * Weights[(First + row) / Sequence];
                CpuLosses.WriteGradient(x, Bias, target, lse, scale, x, Width);
            }
        }
    }
}
