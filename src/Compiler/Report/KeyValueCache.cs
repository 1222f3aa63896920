using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Report;

internal static class KeyValueCache
{
    /// <summary>Bytes of a node's keys and values for each token in inference.</summary>
    /// <param name="node">Any.</param>
    /// <param name="types">Of the values that it reads.</param>
    /// <param name="bytes">Of an element; null for those of the computed type.</param>
    public static long Bytes(Node node, Dictionary<string, TensorType> types, int? bytes)
    {
        if (node.Op == LatentAttention.OpName) return (types[node.Inputs[2]].Last.Value + types[node.Inputs[3]].Last.Value) * types[node.Inputs[2]].DType.Bytes();
        if (node.Op is not ("attention" or "relative_attention")) return 0;
        var type = types[node.Inputs[0]];
        if (node.Op == "relative_attention") return 2 * type.Last.Value * (bytes ?? type.DType.Bytes());
        var heads = PackedHeads.Of(node.Attributes, (int)type.Last.Value);
        return 2L * heads.KvHeads * heads.Size * (bytes ?? type.DType.Bytes());
    }
}
