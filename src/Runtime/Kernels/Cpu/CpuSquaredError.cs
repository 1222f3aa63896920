using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>The squared error of few numbers: networks of numbers are small, and calls of operators would cost more than the work.</summary>
internal static unsafe class CpuSquaredError
{
    public static void Loss(Tensor predicted, Tensor wanted, Tensor loss, Tensor losses)
    {
        float* p = Cpu.Floats(predicted), w = Cpu.Floats(wanted), each = Cpu.Floats(losses);
        var batch = (int)losses.numel();
        var length = (int)predicted.numel() / batch;
        var (sum, counted) = (0.0, 0);
        for (var b = 0; b < batch; b++)
        {
            var (row, count) = (0.0, 0);
            for (var i = b * length; i < (b + 1) * length; i++)
            {
                if (float.IsNaN(w[i])) continue;
                row += ((double)p[i] - w[i]) * ((double)p[i] - w[i]);
                count++;
            }

            each[b] = (float)(row / Math.Max(1, count));
            (sum, counted) = (sum + row, counted + count);
        }

        *Cpu.Floats(loss) = (float)(sum / Math.Max(1, counted));
    }

    /// <summary>2 · x / numbers that count, or 2 · (x − wanted) where it is to be less what is wanted.</summary>
    public static void Gradient(Tensor x, Tensor wanted, bool less, Tensor result)
    {
        float* from = Cpu.Floats(x), w = Cpu.Floats(wanted), into = Cpu.Floats(result);
        var (length, counted) = ((int)x.numel(), 0);
        for (var i = 0; i < length; i++)
        {
            if (!float.IsNaN(w[i])) counted++;
        }

        var factor = 2f / Math.Max(1, counted);
        for (var i = 0; i < length; i++) into[i] = float.IsNaN(w[i]) ? 0 : factor * (less ? from[i] - w[i] : from[i]);
    }
}
