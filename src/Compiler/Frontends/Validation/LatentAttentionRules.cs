using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Latent attention by itself, and in a decoder against the keys of plain attention.</summary>
internal static class LatentAttentionRules
{
    /// <summary>What latent attention has no use for.</summary>
    private static readonly string[] s_plainAttention =
        ["kv-heads", "qk-norm", "attention-bias", "qkv-bias", "window", "global-every", "attention-softcap"];

    /// <param name="layer">The layer.</param>
    /// <param name="width">Width of its input, C.</param>
    /// <param name="path">Where its heads stand.</param>
    /// <param name="rope">Where its rotated width stands.</param>
    public static IEnumerable<Diagnostic> Check(LatentAttentionLayer layer, int width, string path, string rope)
    {
        foreach (var diagnostic in AttentionRules.Check(new AttentionLayer { Heads = layer.Heads, HeadSize = layer.HeadSize, RopeScaling = layer.RopeScaling }, width, path))
            yield return diagnostic;
        if (layer.RopeWidth % 2 != 0)
            yield return DiagnosticCatalog.LatentRopeWidth.At(rope,
                $"{layer.RopeWidth} columns of a head are to be rotated, and rope rotates pairs; write 'rope-width: {layer.RopeWidth + 1}'");
    }

    /// <summary>A decoder that declares it.</summary>
    public static IEnumerable<Diagnostic> Check(ArchitectureSpec a, LatentAttentionLayer layer, string path)
    {
        var latent = SpecPath.Key(path, "latent-attention");
        foreach (var key in RecordShape.Of(typeof(ArchitectureSpec)).Keys.Where(key => s_plainAttention.Contains(key.Name) && key.Get(a) is not null))
            yield return DiagnosticCatalog.LatentConflict.At(SpecPath.Key(path, key.Name),
                $"'latent-attention' has no '{key.Name}': its keys and values are made of one latent vector, without biases; remove one of the two");
        if (a.Position != PositionKind.Rope)
            yield return DiagnosticCatalog.LatentConflict.At(latent,
                "latent attention knows positions by rotated columns of its own; write 'position: rope' in the architecture");
        foreach (var diagnostic in Check(layer, a.Width, path, SpecPath.Key(latent, "rope-width"))) yield return diagnostic;
    }
}
