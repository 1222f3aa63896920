using System.Text;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelCompiler.Generators;

internal static class Namespaces
{
    /// <summary>The project's root namespace; empty where it has none.</summary>
    public static string Root(AnalyzerConfigOptions options) =>
        options.TryGetValue("build_property.RootNamespace", out var root)
            ? string.Join(".", root.Split(['.'], StringSplitOptions.RemoveEmptyEntries).Select(Identifier))
            : "";

    // MSBuild takes the root namespace from the project's file name, which may hold any letters: My-App is My_App.
    private static string Identifier(string name)
    {
        var text = new StringBuilder(name.Length + 1);
        foreach (var letter in name) text.Append(SyntaxFacts.IsIdentifierPartCharacter(letter) ? letter : '_');
        if (!SyntaxFacts.IsIdentifierStartCharacter(text[0])) text.Insert(0, '_');
        return SyntaxFacts.GetKeywordKind(text.ToString()) == SyntaxKind.None ? text.ToString() : "@" + text;
    }
}
