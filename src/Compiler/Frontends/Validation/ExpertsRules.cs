using ModelCompiler.Compiler.Diagnostics;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Choices against experts; the keys have the same names in a family and in a layer.</summary>
internal static class ExpertsRules
{
    public static IEnumerable<Diagnostic> Check(int count, int topK, string path)
    {
        if (count > 0 && topK > count)
            yield return DiagnosticCatalog.ExpertsTopK.At(SpecPath.Key(path, "top-k"),
                $"a position cannot go to {topK} of {count} experts; write at most 'top-k: {count}', or more experts");
    }
}
