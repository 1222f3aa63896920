using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>One relative attention by itself; the keys have the same names in the family and in the layer.</summary>
internal static class RelativeAttentionRules
{
    /// <param name="layer">The layer.</param>
    /// <param name="width">Width of its input, C.</param>
    /// <param name="context">Tokens of a segment, T.</param>
    /// <param name="path">Where its keys stand.</param>
    public static IEnumerable<Diagnostic> Check(RelativeAttentionLayer layer, int width, int context, string path)
    {
        foreach (var diagnostic in AttentionRules.Check(new AttentionLayer { Heads = layer.Heads }, width, path)) yield return diagnostic;
        if (width % 2 != 0)
            yield return DiagnosticCatalog.RelativeWidth.At(path,
                $"relative attention gets the odd width {width}, and encodes distances as pairs of a sine and a cosine; use a width of {width + 1}");
        if (layer is { SameLength: true, Memory: 0 })
            yield return DiagnosticCatalog.SameLengthMemory.At(SpecPath.Key(path, "same-length"),
                $"without a memory the first position of a segment has none to attend to; write e.g. 'memory: {context}', or remove 'same-length'");
        if (layer is { EvaluationMemory: not null, Memory: 0 })
            yield return DiagnosticCatalog.NoEffect.At(SpecPath.Key(path, "evaluation-memory"),
                $"'evaluation-memory' has no effect without 'memory'; write e.g. 'memory: {context}', or remove it");
        var farthest = layer.Farthest(context);
        if (layer.ClampLength >= farthest)
            yield return DiagnosticCatalog.NoEffect.At(SpecPath.Key(path, "clamp-length"),
                $"no two positions of memory and segment are farther apart than {farthest}, so 'clamp-length: {layer.ClampLength}' has no effect; write less, or remove it");
    }
}
