using System.Buffers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>The choice of experts on the CPU: a softmax and k maxima per position, and a counting sort.</summary>
internal static unsafe class CpuRoute
{
    public static void Forward(
        Tensor logits, int k, long limit, Tensor gates, Tensor probabilities, Tensor slots, Tensor sources, Tensor offsets)
    {
        var (rows, experts) = (logits.size(0), (int)logits.size(1));
        float* x = Cpu.Floats(logits), p = Cpu.Floats(probabilities), g = Cpu.Floats(gates);
        long* slot = (long*)Cpu.Pointer(slots), source = (long*)Cpu.Pointer(sources), offset = (long*)Cpu.Pointer(offsets);
        for (var n = 0L; n < rows; n++)
        {
            Softmax(x + (n * experts), p + (n * experts), experts);
            // Until the choices have rows, their slots hold their experts.
            Choose(p + (n * experts), experts, slot + (n * k), k);
            var sum = 0f;
            for (var c = 0; c < k; c++) sum += p[(n * experts) + slot[(n * k) + c]];
            for (var c = 0; c < k; c++) g[(n * k) + c] = p[(n * experts) + slot[(n * k) + c]] / (k == 1 ? 1 : sum);
        }

        new Span<long>(offset, experts + 1).Clear();
        for (var i = 0L; i < rows * k; i++) offset[slot[i] + 1] = Math.Min(limit, offset[slot[i] + 1] + 1);
        for (var expert = 0; expert < experts; expert++) offset[expert + 1] += offset[expert];
        var next = stackalloc long[experts];
        new Span<long>(offset, experts).CopyTo(new Span<long>(next, experts));
        for (var c = 0; c < k; c++)
        {
            for (var i = (long)c; i < rows * k; i += k)
            {
                var expert = slot[i];
                slot[i] = next[expert] < offset[expert + 1] ? next[expert]++ : -1;
                if (slot[i] >= 0) source[slot[i]] = i;
            }
        }

        for (var row = offset[experts]; row < rows * k; row++) source[row] = -1;
    }

    public static void Backward(Tensor dGates, Tensor probabilities, int k, double balance, Tensor dLogits)
    {
        var (rows, experts) = (probabilities.size(0), (int)probabilities.size(1));
        float* dg = Cpu.Floats(dGates), p = Cpu.Floats(probabilities), dx = Cpu.Floats(dLogits);
        var pool = ArrayPool<long>.Shared;
        var all = pool.Rent(checked((int)(rows * k)));
        var pull = stackalloc float[experts];
        new Span<float>(pull, experts).Clear();
        fixed (long* chosen = all)
        {
            for (var n = 0L; n < rows; n++) Choose(p + (n * experts), experts, chosen + (n * k), k);
            // The gradient of the load-balancing loss by a probability: balance · E · fₑ / N.
            var weight = (float)(balance * experts / ((double)rows * rows * k));
            for (var i = 0L; i < rows * k; i++) pull[chosen[i]] += weight;
            var dp = stackalloc float[experts];
            for (var n = 0L; n < rows; n++)
            {
                Probabilities(p + (n * experts), chosen + (n * k), dg + (n * k), k, pull, experts, dp);
                var mean = 0f;
                for (var e = 0; e < experts; e++) mean += dp[e] * p[(n * experts) + e];
                for (var e = 0; e < experts; e++) dx[(n * experts) + e] = p[(n * experts) + e] * (dp[e] - mean);
            }
        }

        pool.Return(all);
    }

    /// <summary>The gradient by the probabilities of a position: that of its gates added to another.</summary>
    private static void Probabilities(float* p, long* chosen, float* dGates, int k, float* other, int experts, float* dp)
    {
        new Span<float>(other, experts).CopyTo(new Span<float>(dp, experts));
        var (sum, dot) = (0f, 0f);
        for (var c = 0; c < k; c++) sum += p[chosen[c]];
        for (var c = 0; c < k; c++) dot += dGates[c] * p[chosen[c]] / sum;
        for (var c = 0; c < k; c++) dp[chosen[c]] += k == 1 ? dGates[c] : (dGates[c] - dot) / sum;
    }

    private static void Softmax(float* x, float* p, int count)
    {
        var (maximum, sum) = (float.NegativeInfinity, 0f);
        for (var e = 0; e < count; e++) maximum = MathF.Max(maximum, x[e]);
        for (var e = 0; e < count; e++) sum += p[e] = MathF.Exp(x[e] - maximum);
        for (var e = 0; e < count; e++) p[e] /= sum;
    }

    /// <summary>The k largest, the largest first; of equal ones the first. NaN counts as the least.</summary>
    private static void Choose(float* p, int count, long* chosen, int k)
    {
        for (var c = 0; c < k; c++)
        {
            var best = -1L;
            for (var e = 0L; e < count; e++)
            {
                if (new ReadOnlySpan<long>(chosen, c).Contains(e)) continue;
                if (best < 0 || p[e] > p[best]) best = e;
            }

            chosen[c] = best;
        }
    }
}
