using System.Text.RegularExpressions;

namespace ModelCompiler.Runtime.Data.Sources;

/// <summary>
/// Renders the identifiers of XML documentation as one reads them:
/// <c>M:System.Array.IndexOf``1(``0[],``0)</c> as <c>System.Array.IndexOf&lt;T&gt;(T[], T)</c>.
/// </summary>
internal static partial class MemberName
{
    public static string Render(string id)
    {
        var name = id.Length > 2 && id[1] == ':' ? id[2..] : id;
        if (name.Contains(".#", StringComparison.Ordinal))
            name = Constructor().Replace(name, "$1$2.$1"); // List`1.#ctor is List`1.List
        if (name.Contains('`'))
        {
            var typeArity = Arity(TypeParameters(), name);
            var methodArity = Arity(MethodParameters(), name);
            name = MethodParameters().Replace(name, match => "<" + Parameters(methodArity) + ">");
            name = TypeParameters().Replace(name, match => "<" + Parameters(int.Parse(match.ValueSpan[1..])) + ">");
            name = References().Replace(
                name,
                match => Parameter(int.Parse(match.Groups[2].ValueSpan), match.Groups[1].Length == 2 ? methodArity : typeArity));
        }

        return name.Replace('#', '.').Replace('{', '<').Replace('}', '>').Replace(",", ", ", StringComparison.Ordinal)
            .Replace("@", "", StringComparison.Ordinal).Replace("~", " as ", StringComparison.Ordinal);
    }

    private static int Arity(Regex pattern, string name) =>
        pattern.Match(name) is { Success: true } match ? int.Parse(match.ValueSpan.TrimStart('`')) : 0;

    private static string Parameters(int arity) => string.Join(",", Enumerable.Range(0, arity).Select(i => Parameter(i, arity)));

    private static string Parameter(int index, int arity) => arity <= 1 ? "T" : $"T{index + 1}";

    [GeneratedRegex(@"([^.`]+)(`\d+)?\.#c?ctor")]
    private static partial Regex Constructor();

    [GeneratedRegex(@"(?<=\w)``\d+")]
    private static partial Regex MethodParameters();

    [GeneratedRegex(@"(?<=\w)`\d+")]
    private static partial Regex TypeParameters();

    [GeneratedRegex(@"(`{1,2})(\d+)")]
    private static partial Regex References();
}
