using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>A family with what it needs, or blocks with nothing of a family beside them.</summary>
internal static class ArchitectureRules
{
    private const string Path = "architecture";

    private static readonly string[] s_sharedKeys = ["family", "vocabulary", "context", "width", "special-tokens", "blocks"];

    /// <summary>What relative attention has no use for.</summary>
    private static readonly string[] s_absoluteAttention =
    [
        "kv-heads", "head-size", "position", "qk-norm", "attention-bias", "qkv-bias", "window", "global-every", "attention-softcap", "parallel",
    ];

    public static IEnumerable<Diagnostic> Check(ArchitectureSpec architecture) =>
        (architecture.Family is not null, architecture.Blocks.Count > 0) switch
        {
            (true, true) =>
            [
                DiagnosticCatalog.FamilyOrBlocks.At(Path + ".blocks",
                    "'blocks' stands beside 'family'; remove one of them: blocks are the whole model"),
            ],
            (false, false) =>
            [
                DiagnosticCatalog.FamilyOrBlocks.At(Path,
                    "the architecture has neither 'family' nor 'blocks'; write 'family: decoder', or the layers as 'blocks'"),
            ],
            (true, false) => CheckFamily(architecture),
            (false, true) => FamilyKeys(architecture).Concat(architecture.Width < 1 ? [] : BlockRules.Check(architecture)),
        };

    private static IEnumerable<Diagnostic> CheckFamily(ArchitectureSpec a)
    {
        if (a.Size is not null)
        {
            // The rest is checked when the size has chosen what is not given.
            foreach (var diagnostic in SizeRules.Check(a)) yield return diagnostic;
            yield break;
        }

        foreach (var (key, value) in new[] { ("layers", a.Layers), ("heads", a.Heads) })
            if (value is null)
                yield return DiagnosticCatalog.FamilyNeedsKey.At(Path,
                    $"a {KebabCase.Of(a.Family.ToString())} needs '{key}'; write '{key}: 6' in the architecture");

        if (a.GlobalEvery is { } every)
        {
            if (a.Window is null)
                yield return DiagnosticCatalog.GlobalWithoutWindow.At(Path + ".global-every",
                    "without 'window' every block sees all positions; give the others a window, e.g. 'window: 128', or remove 'global-every'");
            else if (a.Layers < every)
                yield return DiagnosticCatalog.GlobalBeyondLayers.At(Path + ".global-every",
                    $"every {every} blocks one would see all positions, but there are {a.Layers}; write at most {a.Layers}, or remove 'global-every'");
        }
        var times = (a.Layers ?? 0) / (a.GlobalEvery ?? 1);
        foreach (var diagnostic in ShareRules.Check(a.Share, times, Path)) yield return diagnostic;

        if (a.Experts is { } experts)
            foreach (var diagnostic in ExpertsRules.Check(experts.Count, experts.TopK, Path + ".experts"))
                yield return diagnostic;

        if (a.Heads is not { } heads) yield break;
        if (a.Family == Family.TransformerXl)
        {
            foreach (var key in RecordShape.Of(typeof(ArchitectureSpec)).Keys.Where(key => s_absoluteAttention.Contains(key.Name) && key.Get(a) is not null))
                yield return DiagnosticCatalog.OtherFamilyKey.At(SpecPath.Key(Path, key.Name),
                    $"a transformer-xl has no '{key.Name}', its attention is by relative distance and without biases; remove it, or write 'family: decoder'");
            foreach (var diagnostic in RelativeAttentionRules.Check(TransformerXl.Attention(a), a.Width, a.Context, Path)) yield return diagnostic;
            yield break;
        }
        if (a.Family == Family.Decoder && Decoder.LatentAttention(a) is { } latent)
        {
            foreach (var diagnostic in LatentAttentionRules.Check(a, latent, Path)) yield return diagnostic;
            yield break;
        }
        var attention = new AttentionLayer
        {
            Heads = heads,
            KvHeads = a.KvHeads,
            HeadSize = a.HeadSize,
            RopeScaling = a.RopeScaling,
            Position = a.Position == PositionKind.Rope ? PositionKind.Rope : PositionKind.None,
        };
        foreach (var diagnostic in AttentionRules.Check(attention, a.Width, Path)) yield return diagnostic;
    }

    private static IEnumerable<Diagnostic> FamilyKeys(ArchitectureSpec architecture) =>
        from key in RecordShape.Of(typeof(ArchitectureSpec)).Keys
        where !s_sharedKeys.Contains(key.Name) && key.Get(architecture) is not null
        select DiagnosticCatalog.FamilyKey.At(SpecPath.Key(Path, key.Name),
            $"'{key.Name}' belongs to a family and does nothing beside 'blocks'; remove it and say it in the layers");
}
