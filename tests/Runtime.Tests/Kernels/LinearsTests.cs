using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class LinearsTests : KernelTest
{
    [Theory]
    [MemberData(nameof(Cases))]
    public void LinearAndItsGradients(ScalarType type, bool aten)
    {
        const long N = 53, K = 37, M = 29;
        var (x, weight, bias, dy) = (Oracle.Normal(1, type, N, K), Oracle.Normal(2, type, M, K), Oracle.Normal(3, type, M), Oracle.Normal(4, type, N, M));
        var (value, gradients) = Oracle.Differentiate(i => i[0].matmul(i[1].t()) + i[2], dy, x, weight, bias);
        var (y, dx) = (Oracle.Unwritten(type, N, M), Oracle.Unwritten(type, N, K));
        var (dWeight, dBias) = (Oracle.Unwritten(ScalarType.Float32, M, K), Oracle.Unwritten(ScalarType.Float32, M));

        var linear = aten ? AtenLinears.Linear : (Action<Tensor, Tensor, Tensor?, Tensor>)Kernels.Linear;
        linear(x, weight, bias, y);
        Oracle.Close(value, y);
        linear(x, weight, null, y);
        Oracle.Close(value - bias.to(ScalarType.Float64), y, "without bias");
        (aten ? AtenLinears.LinearGradInput : (Action<Tensor, Tensor, Tensor>)Kernels.LinearGradInput)(dy, weight, dx);
        Oracle.Close(gradients[0], dx, "dx");
        foreach (var accumulate in new[] { false, true })
        {
            (aten ? AtenLinears.LinearGradWeight : (Action<Tensor, Tensor, bool, Tensor>)Kernels.LinearGradWeight)(dy, x, accumulate, dWeight);
            (aten ? AtenLinears.LinearGradBias : (Action<Tensor, bool, Tensor>)Kernels.LinearGradBias)(dy, accumulate, dBias);
            Oracle.Close(gradients[1] * (accumulate ? 2 : 1), dWeight, "dWeight", Loose(type));
            Oracle.Close(gradients[2] * (accumulate ? 2 : 1), dBias, "dBias");
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void AProductIsAddedToColumns(ScalarType type, bool aten)
    {
        if (aten) return; // one way on every device
        const long N = 53, P = 37, M = 20, R = 5;
        const int Start = 11;
        var (x, h, weight, dy) = (Oracle.Normal(1, type, N, P), Oracle.Normal(2, type, N, R), Oracle.Normal(3, type, M, R), Oracle.Normal(4, type, N, P));
        var (value, gradients) = Oracle.Differentiate(
            i => torch.cat([i[0].narrow(1, 0, Start), i[0].narrow(1, Start, M) + i[1].matmul(i[2].t()), i[0].narrow(1, Start + M, P - Start - M)], 1), dy, x, h, weight);
        var y = Oracle.Unwritten(type, N, P);
        Kernels.AddProduct(x, h, weight, Start, y);
        Oracle.Close(value, y);
        var place = x.clone();
        Kernels.AddProduct(place, h, weight, Start, place);
        Oracle.Close(value, place, "in place");

        var (dh, dWeight) = (Oracle.Unwritten(type, N, R), Oracle.Unwritten(ScalarType.Float32, M, R));
        foreach (var accumulate in new[] { false, true })
        {
            Kernels.AddProductGrad(dy, h, weight, Start, accumulate, dh, dWeight);
            Oracle.Close(gradients[1], dh, "dh");
            Oracle.Close(gradients[2] * (accumulate ? 2 : 1), dWeight, "dWeight", Loose(type));
        }

        Kernels.Scale(h, 0.25, h);
        Oracle.Close(Oracle.Normal(2, type, N, R).to(ScalarType.Float64) * 0.25, h, "scale");
    }

    [Fact]
    public void ShapesThatDoNotFitAreNamed()
    {
        var (x, weight, y) = (zeros(5, 3), zeros(7, 4), zeros(5, 7));
        var exception = Assert.Throws<NativeException>(() => Kernels.Linear(x, weight, null, y));
        Assert.Contains("mm(Float32[5, 3], Float32[4, 7]) into Float32[5, 7]", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ARefusedOperatorIsNamedWithItsArguments()
    {
        var exception = Assert.Throws<NativeException>(
            () => AtenElementwise.Multiply(zeros(5, 3), zeros(7, 4, ScalarType.BFloat16), zeros(5, 3)));
        Assert.Contains("aten::mul.out(Float32[5, 3], BFloat16[7, 4], Float32[5, 3])", exception.Message, StringComparison.Ordinal);
    }
}
