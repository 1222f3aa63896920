using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Pooling by libtorch's kernels, on any device. It is a small part of a step.</summary>
internal static class AtenPooling
{
    public static void Forward(Tensor x, Tensor? lengths, bool mean, Tensor y)
    {
        using var scope = NewDisposeScope();
        var tokens = x.view(y.size(0), -1, y.size(1));
        if (!mean) y.copy_(tokens.select(1, 0));
        else if (lengths is null) y.copy_(tokens.mean([1], type: ScalarType.Float32));
        else y.copy_((tokens.to(ScalarType.Float32) * Shares(lengths, tokens)).sum(1));
    }

    public static void Backward(Tensor dy, Tensor? lengths, bool mean, Tensor dx)
    {
        using var scope = NewDisposeScope();
        var tokens = dx.view(dy.size(0), -1, dy.size(1));
        if (!mean)
        {
            dx.zero_();
            tokens.select(1, 0).copy_(dy);
        }
        else if (lengths is null) tokens.copy_((dy.to(ScalarType.Float32) / tokens.size(1)).unsqueeze(1));
        else tokens.copy_(dy.to(ScalarType.Float32).unsqueeze(1) * Shares(lengths, tokens));
    }

    /// <summary>What each token counts, fp32 [B, T, 1]: nothing in the padding.</summary>
    private static Tensor Shares(Tensor lengths, Tensor tokens)
    {
        var seen = arange(tokens.size(1), ScalarType.Int64, tokens.device).lt(lengths.unsqueeze(1));
        return (seen.to(ScalarType.Float32) / lengths.unsqueeze(1)).unsqueeze(-1);
    }
}
