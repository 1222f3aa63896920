using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Groups of shared parameters against the layers; the key has the same name in a family and in a repeat.</summary>
internal static class ShareRules
{
    /// <param name="path">Where <c>share</c> stands.</param>
    public static IEnumerable<Diagnostic> Check(ShareSpec? share, int layers, string path)
    {
        if (share is null || share.Groups < 1 || layers < 1 || layers % share.Groups == 0) yield break;
        yield return DiagnosticCatalog.ShareGroups.At(SpecPath.Key(SpecPath.Key(path, "share"), "groups"),
            $"{share.Groups} groups do not divide {layers} layers; use {AttentionRules.Nearest(share.Groups, layers)}");
    }
}
