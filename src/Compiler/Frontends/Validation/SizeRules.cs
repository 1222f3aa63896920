using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>A target of size: one, and something left to choose.</summary>
internal static class SizeRules
{
    public const string Path = "architecture.size";

    public static IEnumerable<Diagnostic> Check(ArchitectureSpec a)
    {
        if (a.Size is not { } size) yield break;
        if (size.Parameters is null == size.Compute is null)
            yield return DiagnosticCatalog.SizeForm.At(Path, size.Parameters is null
                ? "the size says nothing; write e.g. 'parameters: 10M' or 'compute: 1e18'"
                : "the size has 'parameters' and 'compute'; keep one of them");
        else if (a.Family is null)
            yield return DiagnosticCatalog.FamilyKey.At(Path,
                "'size' belongs to a family and does nothing beside 'blocks'; remove it and say it in the layers");
        else if (a.Width > 0 && a.Layers is not null && a.Heads is not null)
            yield return DiagnosticCatalog.SizeForm.At(Path,
                "'width', 'layers' and 'heads' are given, so that the size has nothing to choose; remove one of them, or 'size'");
    }
}
