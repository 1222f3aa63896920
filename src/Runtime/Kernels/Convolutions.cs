using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Inference;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

public static partial class Kernels
{
    /// <summary>
    /// A causal convolution over each sequence, each channel by itself: y[t] = Σₖ weight[k] · x[t − K + 1 + k], where x is zero before its
    /// sequence.
    /// </summary>
    /// <param name="x">[N, C]; N is a multiple of the sequence.</param>
    /// <param name="weight">fp32 [K, C]</param>
    /// <param name="sequence">Rows of a sequence.</param>
    /// <param name="y">[N, C]; not x.</param>
    public static void Convolution(Tensor x, Tensor weight, int sequence, Tensor y) => Convolve(x, weight, sequence, null, y);

    /// <summary>The same over the rows of some sequences that come next.</summary>
    /// <param name="x">[N, C]</param>
    /// <param name="weight">fp32 [K, C]</param>
    /// <param name="at">The sequences, and their rows before x.</param>
    /// <param name="states">By sequence, [K − 1, C]: the rows before x, of any content at position 0; afterwards those before what follows.</param>
    /// <param name="y">[N, C]; not x.</param>
    public static void ConvolutionStep(Tensor x, Tensor weight, SequenceRows at, Tensor[] states, Tensor y)
    {
        using var scope = at.Views();
        for (var i = 0; i < at.Count; i++)
        {
            var (rows, state) = (at.Rows(x, i), at.Of(states, i));
            if (at.Position(i) == 0) state.zero_();
            Convolve(rows, weight, rows.size(0), state, at.Rows(y, i));
            Remember(rows, state);
        }
    }

    /// <summary>The gradients of <see cref="Convolution"/>.</summary>
    /// <param name="dy">[N, C]</param>
    /// <param name="x">[N, C]</param>
    /// <param name="weight">fp32 [K, C]</param>
    /// <param name="sequence">Rows of a sequence.</param>
    /// <param name="accumulate">Add to <paramref name="dWeight"/>.</param>
    /// <param name="dx">[N, C]; neither dy nor x.</param>
    /// <param name="dWeight">fp32 [K, C]</param>
    public static void ConvolutionGrad(Tensor dy, Tensor x, Tensor weight, int sequence, bool accumulate, Tensor dx, Tensor dWeight)
    {
        if (Cpu.Takes(x)) CpuConvolution.Grad(dy, x, weight, sequence, accumulate, dx, dWeight);
        else AtenConvolution.Grad(dy, x, weight, sequence, accumulate, dx, dWeight);
    }

    private static void Convolve(Tensor x, Tensor weight, long sequence, Tensor? history, Tensor y)
    {
        if (Cpu.Takes(x)) CpuConvolution.Run(x, weight, sequence, history, y);
        else AtenConvolution.Run(x, weight, sequence, history, y);
    }

    /// <summary>Keeps the last rows of the state and x together.</summary>
    private static void Remember(Tensor x, Tensor state)
    {
        using var scope = NewDisposeScope();
        var (kept, rows) = (state.size(0), x.size(0));
        if (rows < kept) state.narrow(0, 0, kept - rows).copy_(state.narrow(0, rows, kept - rows).clone());
        var last = Math.Min(kept, rows);
        state.narrow(0, kept - last, last).copy_(x.narrow(0, rows - last, last));
    }
}
