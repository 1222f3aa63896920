using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using ModelCompiler.Compiler.Diagnostics;

namespace ModelCompiler.Generators.Attributes;

/// <summary>
/// Finds attributes of the language on classes without <c>[Model]</c>, which the generator never sees and which would
/// otherwise be ignored silently.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class OrphanAttributeAnalyzer : DiagnosticAnalyzer
{
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
        [DiagnosticDescriptors.Of(DiagnosticCatalog.NoModelAttribute)];

    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.Analyze | GeneratedCodeAnalysisFlags.ReportDiagnostics);
        context.RegisterSymbolAction(Check, SymbolKind.NamedType);
    }

    private void Check(SymbolAnalysisContext context)
    {
        var attributes = context.Symbol.GetAttributes();
        if (attributes.Any(attribute => attribute.AttributeClass?.ToDisplayString() == ModelClasses.ModelAttribute)) return;

        foreach (var attribute in attributes.Where(attribute => SectionAttributes.SectionOf(attribute) is not null))
        {
            var name = attribute.AttributeClass!.Name.Replace("Attribute", "");
            context.ReportDiagnostic(Microsoft.CodeAnalysis.Diagnostic.Create(
                SupportedDiagnostics[0],
                attribute.ApplicationSyntaxReference?.GetSyntax(context.CancellationToken).GetLocation(),
                $"[{name}] has no effect on {context.Symbol.Name}, which is not a model; add [Model]"));
        }
    }
}
