using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Attention of half precision on the CPU by a lowering for fp32, where products of half precision are slow (<see cref="HalfProducts"/>);
/// and scores of fp16 do not overflow in fp32.
/// </summary>
internal sealed class WidenedAttention(IAttentionLowering inner) : IAttentionLowering
{
    public string Name => $"fp32 {inner.Name}";

    public void Forward(Tensor qkv, in AttentionShape shape, Tensor y, Tensor lse)
    {
        using var scope = NewDisposeScope();
        var wide = empty(y.shape);
        inner.Forward(qkv.to(ScalarType.Float32), shape, wide, lse);
        y.copy_(wide);
    }

    public void Backward(Tensor dy, Tensor qkv, Tensor y, Tensor lse, in AttentionShape shape, Tensor dqkv)
    {
        using var scope = NewDisposeScope();
        var wide = empty(dqkv.shape);
        inner.Backward(dy.to(ScalarType.Float32), qkv.to(ScalarType.Float32), y.to(ScalarType.Float32), lse, shape, wide);
        dqkv.copy_(wide);
    }
}
