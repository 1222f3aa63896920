namespace ModelCompiler.ModelDsl;

/// <summary>Which names C# takes: a model's becomes its class.</summary>
public static class CSharpName
{
    // The reserved keywords, and the contextual ones that cannot name a type.
    private static readonly HashSet<string> s_keywords =
    [
        .. ("abstract as base bool break byte case catch char checked class const continue decimal default delegate do double "
            + "else enum event explicit extern false finally fixed float for foreach goto if implicit in int interface internal "
            + "is lock long namespace new null object operator out override params private protected public readonly ref return "
            + "sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof uint ulong unchecked "
            + "unsafe ushort using virtual void volatile while "
            + "await dynamic extension field file nint notnull nuint partial record required scoped unmanaged var where yield")
            .Split(' '),
    ];

    /// <summary>Whether a class or a namespace can have the name.</summary>
    public static bool IsIdentifier(string text) =>
        text.Length > 0
        && (char.IsLetter(text[0]) || text[0] == '_')
        && text.All(c => char.IsLetterOrDigit(c) || c == '_')
        && !IsKeyword(text);

    /// <summary>Whether C# has reserved the name, or does not take it for a type.</summary>
    public static bool IsKeyword(string text) => s_keywords.Contains(text);
}
