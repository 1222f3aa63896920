using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Causal convolutions of single channels by libtorch's operators, on any device: one product for each tap of the kernel.</summary>
internal static class AtenConvolution
{
    /// <summary>As <see cref="Kernels.Convolution"/>, with the rows [K − 1, C] before a single sequence, or null for none.</summary>
    public static void Run(Tensor x, Tensor weight, long sequence, Tensor? history, Tensor y)
    {
        using var scope = NewDisposeScope();
        var kernel = weight.size(0);
        var rows = x.view(-1, sequence, x.size(1)).to(ScalarType.Float32);
        var sum = zeros_like(rows);
        var known = history is null ? rows : cat([history.to(ScalarType.Float32).unsqueeze(0), rows], 1);
        for (var back = 0L; back < kernel; back++)
        {
            var tap = weight[kernel - 1 - back];
            if (history is not null) sum.add_(known.narrow(1, kernel - 1 - back, sequence) * tap);
            else if (back < sequence) sum.narrow(1, back, sequence - back).add_(rows.narrow(1, 0, sequence - back) * tap);
        }

        y.copy_(sum.view(x.shape));
    }

    /// <summary>As <see cref="Kernels.ConvolutionGrad"/>.</summary>
    public static void Grad(Tensor dy, Tensor x, Tensor weight, long sequence, bool accumulate, Tensor dx, Tensor dWeight)
    {
        using var scope = NewDisposeScope();
        var kernel = weight.size(0);
        var (gradient, rows) = (dy.view(-1, sequence, dy.size(1)).to(ScalarType.Float32), x.view(-1, sequence, x.size(1)).to(ScalarType.Float32));
        var sum = zeros_like(rows);
        for (var back = 0L; back < kernel; back++)
        {
            var tap = dWeight[kernel - 1 - back];
            if (!accumulate) tap.zero_();
            if (back >= sequence) continue;
            var (later, earlier) = (gradient.narrow(1, back, sequence - back), rows.narrow(1, 0, sequence - back));
            tap.add_((later * earlier).sum([0, 1]));
            sum.narrow(1, 0, sequence - back).add_(later * weight[kernel - 1 - back]);
        }

        dx.copy_(sum.view(x.shape));
    }
}
