using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Output head, cross-entropy and divergence from a teacher on the CPU, some rows at a time: student's and teacher's logits of a chunk, and
/// over the former their gradient, from which that of head and input follow before the next chunk takes the memory.
/// </summary>
internal static unsafe class ChunkedDistillation
{
    private const int RowsPerPass = 1024;

    public static void Run(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, Tensor chunk, in ChunkedLoss.Gradients gradients, Tensor loss, Tensor losses,
        Tensor? accuracy, in Distilled distilled)
    {
        var work = new Work(x, weight, bias, targets, weights, chunk, gradients, loss, losses, accuracy, distilled);
        if (Cpu.IsBf16(x)) Run<Bf16>(work);
        else if (Cpu.IsFp16(x)) Run<Fp16>(work);
        else Run<Fp32>(work);
    }

    private static void Run<T>(in Work work)
        where T : unmanaged, IElement<T>
    {
        if (Cpu.IsBf16(work.Distilled.Chunk)) Run<T, Bf16>(work);
        else if (Cpu.IsFp16(work.Distilled.Chunk)) Run<T, Fp16>(work);
        else Run<T, Fp32>(work);
    }

    private readonly record struct Work(
        Tensor X, Tensor Weight, Tensor? Bias, Tensor Targets, Tensor? Weights, Tensor Chunk, ChunkedLoss.Gradients Gradients, Tensor Loss, Tensor Losses,
        Tensor? Accuracy, Distilled Distilled);

    private static void Run<T, TTeacher>(in Work work)
        where T : unmanaged, IElement<T>
        where TTeacher : unmanaged, IElement<TTeacher>
    {
        var (x, weight, chunk, distilled) = (work.X, work.Weight, work.Chunk, work.Distilled);
        var (rows, width, vocabulary, batch) = (x.size(0), x.size(1), weight.size(0), work.Losses.numel());
        var (sequence, most) = (rows / batch, chunk.size(0));
        var target = (long*)Cpu.Elements(work.Targets, ScalarType.Int64, rows);
        var (counted, hits, total) = (CpuLosses.CheckTargets(target, rows, vocabulary), 0L, 0.0);
        var logits = Cpu.Elements<T>(chunk, most * vocabulary);
        var taught = Cpu.Elements<TTeacher>(distilled.Chunk, most * vocabulary);
        var means = (float*)Cpu.Elements<Fp32>(work.Losses, batch);
        var factors = work.Weights is null ? null : (float*)Cpu.Elements<Fp32>(work.Weights, batch);
        new Span<float>(means, checked((int)batch)).Clear();
        using var weightTransposed = NativeTensor.Transpose(weight);
        float* nats = stackalloc float[RowsPerPass], hit = stackalloc float[RowsPerPass], distances = stackalloc float[RowsPerPass];
        for (var first = 0L; first < rows; first += most)
        {
            var count = Math.Min(most, rows - first);
            using var input = NativeTensor.View(x, [count, width], [width, 1], first * width);
            using var scores = NativeTensor.View(chunk, [count, vocabulary], [vocabulary, 1]);
            MatrixProducts.Mm(scores.Handle, input.Handle, weightTransposed.Handle, cuda: false);
            using var raw = chunk.narrow(0, 0, count);
            var left = distilled.Teacher.Fill(raw, work.Bias, distilled.Chunk, first, count);
            for (var begin = 0L; begin < count; begin += RowsPerPass)
            {
                var pass = Math.Min(RowsPerPass, count - begin);
                Threads.For(pass, Cpu.RowGrain(vocabulary), new Rows<T, TTeacher>
                {
                    Logits = logits + (begin * vocabulary), Bias = work.Bias is null ? null : Cpu.Elements<T>(work.Bias, vocabulary),
                    Taught = taught + (begin * vocabulary), TaughtBias = left is null ? null : Cpu.Elements<TTeacher>(left, vocabulary),
                    Targets = target + first + begin, Weights = factors, Nats = nats, Hits = hit, Distances = distances,
                    Width = vocabulary, Sequence = sequence, First = first + begin, Scale = (float)(work.Gradients.Scale / counted),
                    Divergence = distilled.Divergence, Share = (float)distilled.Share, Factor = (float)distilled.Factor,
                });
                for (var row = 0L; row < pass; row++)
                {
                    var at = (first + begin + row) / sequence;
                    means[at] += nats[row];
                    hits += (long)hit[row];
                    total += distances[row] * (factors is null ? 1.0 : factors[at]);
                }
            }

            ChunkedLoss.Backward<T>(input.Handle, weight, chunk, logits, count, first, work.Gradients);
        }

        *Cpu.Floats(distilled.Distance) = (float)(total / counted);
        ChunkedLoss.Write(means, target, factors, batch, sequence, vocabulary, counted, hits, work.Loss, work.Accuracy);
    }

    private struct Rows<T, TTeacher> : IRange
        where T : unmanaged, IElement<T>
        where TTeacher : unmanaged, IElement<TTeacher>
    {
        public T* Logits, Bias;
        public TTeacher* Taught, TaughtBias;
        public long* Targets;
        public float* Weights, Nats, Hits, Distances;
        public long Width, Sequence, First;
        public float Scale, Share, Factor;
        public Divergence Divergence;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(long begin, long end)
        {
            for (var row = begin; row < end; row++)
            {
                var x = Logits + (row * Width);
                var target = Targets[row];
                if (target < 0)
                {
                    (Nats[row], Hits[row], Distances[row]) = (0, 0, 0);
                    new Span<T>(x, checked((int)Width)).Clear();
                    continue;
                }

                var (maximum, lse) = CpuLosses.LogSumExp(x, Bias, Width);
                var logit = CpuLosses.Logits(x, Bias, target, Width)[0];
                (Nats[row], Hits[row]) = (lse - logit, logit == maximum ? 1 : 0);
                var scale = Weights is null ? Scale : Scale * Weights[(First + row) / Sequence];
                var pair = new LogitPair<T, TTeacher>(x, Bias, Taught + (row * Width), TaughtBias, Width, Divergence);
                Distances[row] = pair.Distance;
                pair.WriteGradient(target, lse, scale * (1 - Share), scale * Share * Factor);
            }
        }
    }
}
