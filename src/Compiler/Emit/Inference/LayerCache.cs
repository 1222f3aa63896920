using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Emit.Inference;

/// <summary>The cache of keys, and that of values, of an attention in one layer, or the one of latents.</summary>
/// <param name="DType">Its element type.</param>
/// <param name="Shape">Its shape in C#.</param>
/// <param name="Comment">Its shape for readers.</param>
internal sealed record LayerCache(DType DType, string Shape, string Comment)
{
    private static readonly string[] s_keysAndValues = ["Keys", "Values"];

    /// <summary>What is kept, each of the same shape.</summary>
    public IReadOnlyList<string> Parts { get; private init; } = s_keysAndValues;

    /// <summary>Whether a node has caches.</summary>
    public static bool Has(Node node) => node.Op is "attention" or "relative_attention" or LatentAttention.OpName;

    /// <param name="attention">The node.</param>
    /// <param name="types">Of its function's values.</param>
    public static LayerCache Of(Node attention, Dictionary<string, TensorType> types)
    {
        var input = types[attention.Inputs[0]];
        if (attention.Op == LatentAttention.OpName)
        {
            var width = types[attention.Inputs[2]].Last.Value + types[attention.Inputs[3]].Last.Value;
            return new(input.DType, $"[Size, {width}]", $"[T, {width}]") { Parts = ["Latents"] };
        }
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
