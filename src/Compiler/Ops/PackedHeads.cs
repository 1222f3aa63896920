using ModelCompiler.Compiler.Graphs;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// The packed layout of queries, keys and values: [B, T, (H + 2·Hkv)·D], all query heads, then all key heads, then all
/// value heads. One matrix product makes it, and attention reads it in place. Without key heads it is queries alone, which can be rotated.
/// </summary>
internal readonly record struct PackedHeads(int Heads, int KvHeads, int Size)
{
    public int Width => (Heads + (2 * KvHeads)) * Size;

    public int Queries => Heads * Size;

    public static PackedHeads Of(Inputs inputs)
    {
        var (h, k) = (inputs.Attributes.Int("heads"), inputs.Attributes.Int("kv_heads"));
        var width = inputs[0].Last.Value;
        inputs.Require(k == 0 || h % k == 0, "kv_heads must divide heads");
        inputs.Require(width % (h + (2 * k)) == 0, "the width must be (heads + 2 kv_heads) times the head size");
        return new(h, k, (int)(width / (h + (2 * k))));
    }

    public static PackedHeads Of(Attributes attributes, int width)
    {
        var (h, k) = (attributes.Int("heads"), attributes.Int("kv_heads"));
        return new(h, k, width / (h + (2 * k)));
    }

    /// <summary>Offset in a row of query head h, of its key head, of its value head.</summary>
    public int Query(int head) => head * Size;

    public int Key(int head) => (Heads + (head / (Heads / KvHeads))) * Size;

    public int Value(int head) => (Heads + KvHeads + (head / (Heads / KvHeads))) * Size;
}
