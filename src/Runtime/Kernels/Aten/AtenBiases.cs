using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Elementwise kernels over rows plus a bias, by libtorch's kernels, on any device.</summary>
internal static class AtenBiases
{
    public static void Unary(Tensor x, Tensor bias, Tensor y, Action<Tensor, Tensor> function)
    {
        using var biased = x + bias;
        function(biased, y);
    }

    public static void Gradient(
        Tensor dy, Tensor x, Tensor bias, bool accumulate, Tensor dx, Tensor dBias, Action<Tensor, Tensor, Tensor> gradient)
    {
        using var biased = x + bias;
        gradient(dy, biased, dx);
        AtenLinears.LinearGradBias(dx, accumulate, dBias);
    }

    public static void Add(Tensor a, Tensor b, Tensor bias, Tensor y)
    {
        using var biased = b + bias;
        AtenElementwise.Add(a, biased, y);
    }
}
