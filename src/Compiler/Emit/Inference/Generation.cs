using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Emit.Inference;

/// <summary>Whether a model can be run token by token over a key-value cache.</summary>
internal static class Generation
{
    /// <summary>What hinders it: an attention whose result changes with each later token; null for nothing.</summary>
    public static Node? Obstacle(Graph inference) => inference.Blocks.Append(inference.Main).SelectMany(f => f.Nodes)
        .FirstOrDefault(n => n.Op == "attention" && !AttentionMask.Of(n.Attributes).Causal);
}
