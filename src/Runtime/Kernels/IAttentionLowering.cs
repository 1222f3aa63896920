using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>One way to calculate attention. All write the same y and lse, so that forward and backward can be chosen apart.</summary>
internal interface IAttentionLowering
{
    string Name { get; }

    void Forward(Tensor qkv, in AttentionShape shape, Tensor y, Tensor lse);

    void Backward(Tensor dy, Tensor qkv, Tensor y, Tensor lse, in AttentionShape shape, Tensor dqkv);
}

/// <summary>The dimensions of an attention.</summary>
/// <param name="Batch">B</param>
/// <param name="Sequence">T</param>
/// <param name="Heads">H</param>
/// <param name="KvHeads">Hkv</param>
/// <param name="HeadWidth">D</param>
/// <param name="Mask">Which keys queries see.</param>
internal readonly record struct AttentionShape(int Batch, int Sequence, int Heads, int KvHeads, long HeadWidth, AttentionMask Mask)
{
    /// <summary>Of plain causal attention.</summary>
    public AttentionShape(int batch, int sequence, int heads, int kvHeads, long headWidth)
        : this(batch, sequence, heads, kvHeads, headWidth, AttentionMask.Plain)
    {
    }

    /// <summary>Query heads that share a key head.</summary>
    public long Group => Heads / KvHeads;

    /// <summary>Width of a packed row of queries, keys and values.</summary>
    public long Width => (Heads + (2L * KvHeads)) * HeadWidth;

    /// <summary>The query head and position of a row of scores [Hkv, count, keys], whose rows are a query's G heads one after the other.</summary>
    /// <param name="row">The row.</param>
    /// <param name="count">Rows of each key head.</param>
    /// <param name="begin">Position of the first query.</param>
    public (long Head, long Query) Query(long row, long count, long begin)
    {
        var (keyHead, at) = Math.DivRem(row, count);
        var (query, head) = Math.DivRem(at, Group);
        return ((keyHead * Group) + head, begin + query);
    }

    /// <summary>1/√D</summary>
    public float Scale => 1 / MathF.Sqrt(HeadWidth);
}
