using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Drawn tokens by libtorch's kernels, on any device. The draw is made on the CPU, so that it is the same on each.</summary>
internal static class AtenTokens
{
    public static void Draw(ulong seed, int batch, int tokens, Tensor indices)
    {
        using var scope = NewDisposeScope();
        var drawn = empty(indices.shape, ScalarType.Int64);
        CpuTokens.Draw(seed, batch, tokens, drawn);
        indices.copy_(drawn);
    }

    public static void Gather(Tensor x, Tensor indices, int batch, Tensor y)
    {
        using var scope = NewDisposeScope();
        var width = x.size(1);
        y.view(batch, -1, width).copy_(x.view(batch, -1, width).gather(1, Wide(indices, batch, width)));
    }

    public static void Scatter(Tensor x, Tensor rows, Tensor indices, int batch, Tensor y)
    {
        using var scope = NewDisposeScope();
        var width = x.size(1);
        if (!Aten.Same(x, y)) y.copy_(x);
        y.view(batch, -1, width).scatter_(1, Wide(indices, batch, width), rows.view(batch, -1, width));
    }

    private static Tensor Wide(Tensor indices, int batch, long width) => indices.view(batch, -1, 1).expand(-1, -1, width);
}
