using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Generators.Pipeline;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Attributes;

/// <summary>Finds the classes that carry <c>[Model]</c>.</summary>
internal static class ModelClasses
{
    public const string ModelAttribute = "ModelCompiler.ModelAttribute";

    public static IncrementalValuesProvider<ModelClass> In(IncrementalGeneratorInitializationContext context) =>
        context.SyntaxProvider
            .ForAttributeWithMetadataName(ModelAttribute, (node, _) => node is TypeDeclarationSyntax, Read)
            .WithTrackingName(TrackingNames.AttributedClasses);

    private static ModelClass Read(GeneratorAttributeSyntaxContext context, CancellationToken cancellation)
    {
        var symbol = (INamedTypeSymbol)context.TargetSymbol;
        var declaration = (TypeDeclarationSyntax)context.TargetNode;
        var path = declaration.SyntaxTree.FilePath;
        var name = Spans.Of(declaration.Identifier.GetLocation());
        var @namespace = symbol.ContainingNamespace.IsGlobalNamespace ? "" : symbol.ContainingNamespace.ToDisplayString();
        try
        {
            var faults = ClassRules.Check(symbol, declaration).Select(fault => fault.Info.At(path, name, fault.Message)).ToEquatableArray();
            if (faults.Count > 0) return new ModelClass(null, path, @namespace, faults);

            var reader = new AttributeReader(declaration.SyntaxTree, name, cancellation);
            var root = reader.Read(symbol);
            return new ModelClass(root, path, @namespace, reader.Diagnostics);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            var failure = DiagnosticCatalog.InternalFailure.At(path, name, InternalFailures.Message(symbol.Name, e));
            return new ModelClass(null, path, @namespace, EquatableArray.Of(failure));
        }
    }
}
