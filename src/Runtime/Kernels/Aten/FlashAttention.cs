using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Attention by libtorch's own flash kernels (Dao et al. 2022) for the CPU. They know no key heads that queries share: those
/// are written out for each query head first.
/// </summary>
internal sealed class FlashAttention : IAttentionLowering
{
    public string Name => "flash";

    public void Forward(Tensor qkv, in AttentionShape shape, Tensor y, Tensor lse)
    {
        using var scope = shape.Group == 1 ? null : NewDisposeScope();
        using var into = Heads(y, shape, 0, shape.Heads);
        var call = new OperatorCall("aten::_scaled_dot_product_flash_attention_for_cpu"u8);
        AddQkv(ref call, qkv, shape);
        call.Add(0.0); // dropout
        call.Add(shape.Mask.Causal);
        call.AddNone(); // mask
        call.AddNone(); // scale: 1/√D
        call.InvokeInto(2, into.Handle, lse.Handle);
    }

    public void Backward(Tensor dy, Tensor qkv, Tensor y, Tensor lse, in AttentionShape shape, Tensor dqkv)
    {
        using var scope = shape.Group == 1 ? null : NewDisposeScope();
        using var gradient = Heads(dy, shape, 0, shape.Heads);
        using var output = Heads(y, shape, 0, shape.Heads);
        var call = new OperatorCall("aten::_scaled_dot_product_flash_attention_for_cpu_backward"u8);
        call.Add(gradient);
        AddQkv(ref call, qkv, shape);
        call.Add(output);
        call.Add(lse);
        call.Add(0.0);
        call.Add(shape.Mask.Causal);
        call.AddNone();
        call.AddNone();
        if (shape.Group == 1)
        {
            using var dq = Heads(dqkv, shape, 0, shape.Heads);
            using var dk = Heads(dqkv, shape, shape.Heads, shape.Heads);
            using var dv = Heads(dqkv, shape, 2 * shape.Heads, shape.Heads);
            call.InvokeInto(3, dq.Handle, dk.Handle, dv.Handle);
        }
        else
        {
            long[] each = [shape.Batch, shape.Heads, shape.Sequence, shape.HeadWidth];
            var (dq, dk, dv) = (empty(each, qkv.dtype), empty(each, qkv.dtype), empty(each, qkv.dtype));
            call.InvokeInto(3, dq, dk, dv);
            AtenAttention.Join(dq, dk, dv, shape.Batch, shape.Sequence, shape.Heads, shape.KvHeads, dqkv);
        }
    }

    private static void AddQkv(ref OperatorCall call, Tensor qkv, in AttentionShape shape)
    {
        if (shape.Group > 1)
        {
            var (queries, keys, values) = AtenAttention.Split(qkv, shape.Batch, shape.Sequence, shape.Heads, shape.KvHeads);
            call.Add(queries);
            call.Add(keys);
            call.Add(values);
            return;
        }

        using var q = Heads(qkv, shape, 0, shape.Heads);
        using var k = Heads(qkv, shape, shape.Heads, shape.Heads);
        using var v = Heads(qkv, shape, 2 * shape.Heads, shape.Heads);
        call.Add(q);
        call.Add(k);
        call.Add(v);
    }

    /// <summary>Some of the heads of packed rows [N, n·D], as [B, count, T, D].</summary>
    private static NativeTensor Heads(Tensor packed, in AttentionShape shape, int first, int count)
    {
        var width = packed.size(-1);
        return NativeTensor.View(
            packed, [shape.Batch, count, shape.Sequence, shape.HeadWidth], [shape.Sequence * width, shape.HeadWidth, width, 1], first * shape.HeadWidth);
    }
}
