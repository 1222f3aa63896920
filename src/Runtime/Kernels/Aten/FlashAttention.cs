using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Attention by libtorch's own flash kernels (Dao et al. 2022) for the CPU.</summary>
internal sealed class FlashAttention : IAttentionLowering
{
    public string Name => "flash";

    public void Forward(Tensor qkv, in AttentionShape shape, Tensor y, Tensor lse)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = AtenAttention.Split(qkv, shape.Batch, shape.Sequence, shape.Heads, shape.KvHeads);
        var call = new OperatorCall("aten::_scaled_dot_product_flash_attention_for_cpu"u8);
        call.Add(q);
        call.Add(k);
        call.Add(v);
        call.Add(0.0); // dropout
        call.Add(true); // causal
        call.AddNone(); // mask
        call.AddNone(); // scale: 1/√D
        call.InvokeInto(2, AtenAttention.Rows(y, shape.Batch, shape.Sequence, shape.Heads), lse);
    }

    public void Backward(Tensor dy, Tensor qkv, Tensor y, Tensor lse, in AttentionShape shape, Tensor dqkv)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = AtenAttention.Split(qkv, shape.Batch, shape.Sequence, shape.Heads, shape.KvHeads);
        var call = new OperatorCall("aten::_scaled_dot_product_flash_attention_for_cpu_backward"u8);
        call.Add(AtenAttention.Rows(dy, shape.Batch, shape.Sequence, shape.Heads));
        call.Add(q);
        call.Add(k);
        call.Add(v);
        call.Add(AtenAttention.Rows(y, shape.Batch, shape.Sequence, shape.Heads));
        call.Add(lse);
        call.Add(0.0);
        call.Add(true);
        call.AddNone();
        call.AddNone();
        var (dq, dk, dv) = (empty_like(q), empty_like(k), empty_like(v));
        call.InvokeInto(3, dq, dk, dv);
        AtenAttention.Join(dq, dk, dv, shape.Batch, shape.Sequence, shape.Heads, shape.KvHeads, dqkv);
    }
}
