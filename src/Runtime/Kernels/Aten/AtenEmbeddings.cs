using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Embeddings by libtorch's kernels, on any device.</summary>
internal static class AtenEmbeddings
{
    public static void Embedding(Tensor tokens, Tensor weight, Tensor y)
    {
        using var index = NativeTensor.View(tokens, [tokens.numel()], [1]);
        var call = new OperatorCall("aten::index_select"u8, "out"u8);
        call.Add(weight);
        call.Add(0L);
        call.Add(index);
        call.Add(y);
        call.Invoke(1);
    }

    public static void EmbeddingGrad(Tensor dy, Tensor tokens, bool accumulate, Tensor dWeight)
    {
        using var scope = NewDisposeScope();
        // embedding_dense_backward sorts on CUDA, so that sums have one order; index_add_ would not.
        var call = new OperatorCall("aten::embedding_dense_backward"u8);
        call.Add(dy.to(ScalarType.Float32));
        call.Add(tokens.view(-1));
        call.Add(dWeight.size(0));
        call.Add(-1L);
        call.Add(false);
        Aten.Store(call.InvokeNew(), accumulate, dWeight);
    }

    public static void AddPosition(Tensor x, Tensor weight, long sequence, Tensor y)
    {
        using var scope = NewDisposeScope();
        var sequences = y.view(-1, sequence, weight.size(1));
        if (!Aten.Same(x, y)) y.copy_(x);
        sequences.add_(weight.narrow(0, 0, sequence));
    }

    public static void AddPositionGrad(Tensor dy, long sequence, bool accumulate, Tensor dWeight)
    {
        using var scope = NewDisposeScope();
        var sequences = dy.view(-1, sequence, dWeight.size(1));
        if (!accumulate) dWeight.narrow(0, sequence, dWeight.size(0) - sequence).zero_();
        Aten.Store(sequences.sum(0, type: ScalarType.Float32), accumulate, dWeight.narrow(0, 0, sequence));
    }
}
