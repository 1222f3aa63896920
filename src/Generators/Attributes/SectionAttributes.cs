using Microsoft.CodeAnalysis;

namespace ModelCompiler.Generators.Attributes;

internal static class SectionAttributes
{
    /// <summary>The <c>[SpecSection]</c> of an attribute of the language; null for any other attribute.</summary>
    public static AttributeData? SectionOf(AttributeData attribute) => attribute.AttributeClass?.GetAttributes()
        .FirstOrDefault(mark => mark.AttributeClass?.ToDisplayString() == "ModelCompiler.SpecSectionAttribute");
}
