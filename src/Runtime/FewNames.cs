namespace ModelCompiler.Runtime;

/// <summary>Names in a message: some of many, and how many others there are.</summary>
internal static class FewNames
{
    private const int Most = 5;

    public static string Text(IReadOnlyList<string> names) =>
        $"{string.Join(", ", names.Take(Most))}{(names.Count > Most ? $" and {names.Count - Most} more" : "")}";
}
