using ModelCompiler.Compiler.Graphs;

namespace ModelCompiler.Compiler.Emit.Inference;

/// <summary>Whether a causal model can be run token by token.</summary>
internal static class Generation
{
    /// <summary>What hinders it; null for nothing.</summary>
    public static Node? Obstacle(Graph inference) => inference.Encoding is not null
        ? null
        : inference.Main.Nodes.FirstOrDefault(n => LayerCache.Has(n) || n.Op == "convolution");

    /// <summary>Why the node hinders it, and what to do.</summary>
    public static string Reason(Node obstacle, string place) =>
        $"its {obstacle.Op} ({place}) stands outside of the repeated blocks, and only these remember earlier tokens; put it into a 'repeat', of one time if need be.";
}
