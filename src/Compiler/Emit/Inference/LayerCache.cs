using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Emit.Inference;

/// <summary>The cache of keys, and that of values, of an attention in one layer.</summary>
/// <param name="DType">Its element type.</param>
/// <param name="Shape">Its shape in C#.</param>
/// <param name="Comment">Its shape for readers.</param>
internal sealed record LayerCache(DType DType, string Shape, string Comment)
{
    /// <param name="attention">The node.</param>
    /// <param name="input">The type of its first input.</param>
    public static LayerCache Of(Node attention, TensorType input)
    {
        if (attention.Op == "relative_attention")
        {
            // The memory, then the segment.
            var (heads, memory) = (attention.Attributes.Long("heads"), attention.Attributes.Long("memory") > 0 ? ("Positions + ", "M + ") : ("", ""));
            var size = input.Last.Value / heads;
            return new(input.DType, $"[{heads}, {memory.Item1}Size, {size}]", $"[{heads}, {memory.Item2}T, {size}]");
        }
        var packed = PackedHeads.Of(attention.Attributes, (int)input.Last.Value);
        return new(input.DType, $"[{packed.KvHeads}, Size, {packed.Size}]", $"[{packed.KvHeads}, T, {packed.Size}]");
    }
}
