using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Layers;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Which models proposals can be made to.</summary>
internal static class SpeculateRules
{
    private const string Path = "efficiency.speculate";

    public static IEnumerable<Diagnostic> Check(ModelSpec spec)
    {
        if (spec.Efficiency.Speculate is null || !FamilyLayers.Knows(spec.Architecture)) yield break;
        if (ObjectiveSpec.Resolve(spec).Kind != ObjectiveKind.Causal)
            yield return DiagnosticCatalog.SpeculateNeedsPast.At(Path, "a model that reads whole texts predicts no next tokens; leave 'speculate' out");
        else if (MemoryLengths.Of(spec).Evaluation > 0)
            yield return DiagnosticCatalog.SpeculateNeedsPast.At(Path, "a memory of segments cannot take back tokens that were refused; leave 'speculate' out");
        else if (LayerLists.All(spec.Architecture.Blocks, "architecture.blocks").Any(layer => layer.Layer is ConvolutionLayer))
            yield return DiagnosticCatalog.SpeculateNeedsPast.At(Path, "a convolution's state cannot take back tokens that were refused; leave 'speculate' out");
    }
}
