using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Attributes;

/// <summary>
/// Writes the attributes of a class as the tree that YAML would give: each attribute names its section with
/// <c>[SpecSection]</c>, and each of its named arguments is a key of that section.
/// </summary>
/// <param name="tree">The file of the class. An attribute on a part in another file is placed at the class's name.</param>
/// <param name="name">The class's name in that file.</param>
/// <param name="cancellation">Ends the reading.</param>
internal sealed class AttributeReader(SyntaxTree tree, SourceSpan name, CancellationToken cancellation)
{
    private readonly List<LocatedDiagnostic> _diagnostics = [];

    public EquatableArray<LocatedDiagnostic> Diagnostics => _diagnostics.ToEquatableArray();

    public SpecNode Read(INamedTypeSymbol symbol)
    {
        var root = new Section(name);
        root.Add("model", name, new ScalarNode(symbol.Name, Quoted: true, name));
        foreach (var attribute in symbol.GetAttributes())
        {
            if (SectionAttributes.SectionOf(attribute) is { } section) Read(attribute, section, root);
        }

        return root.ToNode();
    }

    private void Read(AttributeData attribute, AttributeData section, Section root)
    {
        var syntax = attribute.ApplicationSyntaxReference?.GetSyntax(cancellation) as AttributeSyntax;
        if (syntax?.SyntaxTree != tree) syntax = null;
        var span = syntax is null ? name : Spans.Of(syntax.GetLocation());
        var path = ((string)section.ConstructorArguments[0].Value!).Split(['.'], StringSplitOptions.RemoveEmptyEntries);
        var options = section.NamedArguments.ToDictionary(option => option.Key, option => option.Value.Value);

        if (options.TryGetValue("IsYaml", out var isYaml) && isYaml is true)
        {
            var parent = path.Take(path.Length - 1).Aggregate(root, (mapping, key) => mapping.Inner(key, span));
            if (ReadYaml(attribute, syntax, span) is { } value) parent.Add(path.Last(), span, value);
            return;
        }

        var target = path.Aggregate(root, (mapping, key) => mapping.Inner(key, span));
        if (options.TryGetValue("Entry", out var entry) && entry is string text)
        {
            var colon = text.IndexOf(':');
            target.Add(text.Substring(0, colon), span, new ScalarNode(text.Substring(colon + 1).Trim(), Quoted: false, span));
        }

        foreach (var argument in attribute.NamedArguments)
        {
            var written = syntax?.ArgumentList?.Arguments.FirstOrDefault(a => a.NameEquals?.Name.Identifier.ValueText == argument.Key);
            var keySpan = written is null ? span : Spans.Of(written.NameEquals!.Name.GetLocation());
            var valueSpan = written is null ? span : Spans.Of(written.Expression.GetLocation());
            if (ToNode(argument.Value, valueSpan) is { } value) target.Add(KebabCase.Of(argument.Key), keySpan, value);
        }
    }

    private SpecNode? ReadYaml(AttributeData attribute, AttributeSyntax? syntax, SourceSpan span)
    {
        if (attribute.ConstructorArguments.FirstOrDefault().Value is not string yaml) return null;
        var (root, diagnostics) = YamlFrontend.ReadNode(yaml, tree.FilePath);
        var literal = syntax?.ArgumentList?.Arguments.FirstOrDefault()?.Expression;
        var move = literal is null ? _ => span : StringLiteral.Places(literal);
        _diagnostics.AddRange(diagnostics.Select(diagnostic => diagnostic with { Span = move(diagnostic.Span) }));
        return root?.Move(move);
    }

    // Null for a value that the C# compiler rejects, which it reports itself.
    private static SpecNode? ToNode(TypedConstant value, SourceSpan span) => value.Kind switch
    {
        TypedConstantKind.Array when !value.IsNull =>
            new SequenceNode(value.Values.Select(item => ToNode(item, span)).OfType<SpecNode>().ToEquatableArray(), span),
        TypedConstantKind.Enum => new ScalarNode(KebabCase.Of(Member(value)), Quoted: false, span),
        TypedConstantKind.Primitive when value.Value is string text => new ScalarNode(text, Quoted: true, span),
        TypedConstantKind.Primitive when value.Value is bool truth => new ScalarNode(truth ? "true" : "false", Quoted: false, span),
        TypedConstantKind.Primitive when value.Value is double number =>
            new ScalarNode(number.ToString("R", CultureInfo.InvariantCulture), Quoted: false, span),
        TypedConstantKind.Error => null,
        _ => new ScalarNode(Convert.ToString(value.Value, CultureInfo.InvariantCulture) ?? "", Quoted: false, span),
    };

    // A number where no member has the value, which the binder reports.
    private static string Member(TypedConstant value) =>
        value.Type!.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(field => Equals(field.ConstantValue, value.Value))?.Name
        ?? Convert.ToString(value.Value, CultureInfo.InvariantCulture);
}
