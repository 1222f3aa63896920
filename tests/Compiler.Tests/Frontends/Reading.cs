using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Frontends;

/// <summary>Both halves of a check in one: reading, and validating what was read.</summary>
internal static class Reading
{
    public const string Path = "test.model.yaml";

    public static IReadOnlyList<LocatedDiagnostic> Diagnose(string text) => Diagnose(YamlFrontend.Read(text, Path));

    public static IReadOnlyList<LocatedDiagnostic> Diagnose(ReadResult result) =>
        [.. result.Diagnostics, .. result.Spec is null ? [] : SpecValidator.Validate(result.Spec).Select(result.Map.Locate)];

    public static ModelSpec ReadGood(string text)
    {
        Assert.Empty(Diagnose(text));
        return YamlFrontend.Read(text, Path).Spec!;
    }
}
