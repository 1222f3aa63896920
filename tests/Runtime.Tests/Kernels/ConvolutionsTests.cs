using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ModelCompiler.Runtime.Tests;

public sealed class ConvolutionsTests : KernelTest
{
    private const int T = 13, K = 4;
    private const long B = 3, C = 37;

    [Theory]
    [MemberData(nameof(Cases))]
    public void AConvolutionAndItsGradients(ScalarType type, bool aten)
    {
        var (x, weight, dy) = (Oracle.Normal(1, type, B * T, C), Oracle.Normal(2, ScalarType.Float32, K, C), Oracle.Normal(3, type, B * T, C));
        var (value, gradients) = Oracle.Differentiate(i => Convolve(i[0], i[1]), dy, x, weight);
        var (y, dx, dWeight) = (Oracle.Unwritten(type, B * T, C), Oracle.Unwritten(type, B * T, C), Oracle.Unwritten(ScalarType.Float32, K, C));
        if (aten) AtenConvolution.Run(x, weight, T, null, y);
        else Kernels.Convolution(x, weight, T, y);
        Oracle.Close(value, y);
        foreach (var accumulate in new[] { false, true })
        {
            (aten ? AtenConvolution.Grad : (Action<Tensor, Tensor, Tensor, long, bool, Tensor, Tensor>)CpuConvolution.Grad)(dy, x, weight, T, accumulate, dx, dWeight);
            Oracle.Close(gradients[0], dx, "dx");
            Oracle.Close(gradients[1] * (accumulate ? 2 : 1), dWeight, "dWeight", Loose(type));
        }
    }

    /// <summary>Whole, in pieces shorter and longer than the kernel, and after a reset.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void StepsRememberTheRowsBefore(ScalarType type, bool aten)
    {
        var (x, weight) = (Oracle.Normal(1, type, T, C), Oracle.Normal(2, ScalarType.Float32, K, C));
        var (state, whole, y) = (Oracle.Unwritten(type, K - 1, C), Oracle.Unwritten(type, T, C), Oracle.Unwritten(type, T, C));
        Kernels.Convolution(x, weight, T, whole);
        if (aten)
        {
            state.zero_();
            AtenConvolution.Run(x.narrow(0, 0, 5), weight, 5, state, y.narrow(0, 0, 5));
            Oracle.Close(whole.narrow(0, 0, 5), y.narrow(0, 0, 5));
            state.copy_(x.narrow(0, 2, K - 1));
            AtenConvolution.Run(x.narrow(0, 5, T - 5), weight, T - 5, state, y.narrow(0, 5, T - 5));
            Oracle.Close(whole, y);
            return;
        }

        foreach (var pieces in new[] { new[] { T }, [1, 1, 1, 2, 5, 3], [6, 1, 6] })
        {
            var position = 0;
            foreach (var length in pieces)
            {
                Kernels.ConvolutionStep(x.narrow(0, position, length), weight, new([0], [position], [0]), [state], y.narrow(0, position, length));
                position += length;
            }
            Assert.Equal(0, (whole - y).abs().max().to(ScalarType.Float32).item<float>());
        }
    }

    private static Tensor Convolve(Tensor x, Tensor weight) => F.conv1d(
        F.pad(x.view(B, T, C).transpose(1, 2), [K - 1, 0]), weight.t().unsqueeze(1), groups: C).transpose(1, 2).reshape(B * T, C);
}
