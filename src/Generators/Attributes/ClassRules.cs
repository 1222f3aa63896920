using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelCompiler.Compiler.Diagnostics;

namespace ModelCompiler.Generators.Attributes;

/// <summary>What a class must be so that generated code can be another part of it.</summary>
internal static class ClassRules
{
    public static IEnumerable<(DiagnosticInfo Info, string Message)> Check(INamedTypeSymbol symbol, TypeDeclarationSyntax declaration)
    {
        var name = symbol.Name;
        if (symbol.IsRecord)
            yield return (DiagnosticCatalog.ClassNotPartial, $"{name} is a record; write 'partial class {name}'");
        else if (!declaration.Modifiers.Any(SyntaxKind.PartialKeyword))
            yield return (DiagnosticCatalog.ClassNotPartial, $"{name} is not partial; write 'partial class {name}'");

        if (symbol.ContainingType is { } outer)
            yield return (DiagnosticCatalog.ClassNested, $"{name} is nested in {outer.Name}; move it out");
        if (symbol.IsFileLocal)
            yield return (DiagnosticCatalog.ClassNested, $"{name} is local to its file, where no generated code can join it; remove 'file'");
        if (symbol.IsGenericType)
            yield return (DiagnosticCatalog.ClassGeneric, $"{name} is generic; remove its type parameters");
        if (symbol.IsStatic || symbol.IsAbstract)
            yield return (DiagnosticCatalog.ClassStatic, $"{name} is {(symbol.IsStatic ? "static" : "abstract")}; a model has instances: remove the modifier");
    }
}
