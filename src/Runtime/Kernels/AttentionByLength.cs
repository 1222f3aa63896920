using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Attention over sequences of different lengths, one by one and without their padding, on any device. Lengths differ from batch to
/// batch, so nothing is measured: it is the first of the device's lowerings.
/// </summary>
internal static class AttentionByLength
{
    public static void Forward(Tensor qkv, ReadOnlySpan<int> lengths, in AttentionShape shape, Tensor y, Tensor lse)
    {
        var lowering = AttentionLowerings.For(qkv.device_type, qkv.dtype, shape)[0];
        for (var b = 0; b < lengths.Length; b++)
        {
            using var scope = NewDisposeScope();
            var part = new Part(b, lengths[b], shape);
            part.Padding(y).zero_();
            if (part.Length > 0) lowering.Forward(part.Rows(qkv), part.Shape, part.Rows(y), part.Sums(lse));
        }
    }

    public static void Backward(Tensor dy, Tensor qkv, Tensor y, Tensor lse, ReadOnlySpan<int> lengths, in AttentionShape shape, Tensor dqkv)
    {
        var lowering = AttentionLowerings.For(qkv.device_type, qkv.dtype, shape)[0];
        for (var b = 0; b < lengths.Length; b++)
        {
            using var scope = NewDisposeScope();
            var part = new Part(b, lengths[b], shape);
            part.Padding(dqkv).zero_();
            if (part.Length > 0) lowering.Backward(part.Rows(dy), part.Rows(qkv), part.Rows(y), part.Sums(lse), part.Shape, part.Rows(dqkv));
        }
    }

    /// <summary>A sequence of the batch, without its padding.</summary>
    private readonly struct Part(int sequence, int length, in AttentionShape all)
    {
        private readonly long _first = (long)sequence * all.Sequence, _most = all.Sequence;

        public int Length => length;

        public AttentionShape Shape { get; } = all with { Batch = 1, Sequence = length };

        public Tensor Rows(Tensor packed) => packed.narrow(0, _first, length);

        public Tensor Padding(Tensor packed) => packed.narrow(0, _first + length, _most - length);

        public Tensor Sums(Tensor lse) => lse.select(0, sequence).view(-1).narrow(0, 0, (long)Shape.Heads * length).view(1, Shape.Heads, length);
    }
}
