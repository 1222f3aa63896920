using System.Globalization;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>Places in a spec: keys joined by dots, with indices, as <c>architecture.blocks[1].layers[0]</c>.</summary>
public static class SpecPath
{
    public const string Root = "";

    public static string Key(string path, string key) => path.Length == 0 ? key : path + "." + key;

    public static string Item(string path, int index) => path + "[" + index.ToString(CultureInfo.InvariantCulture) + "]";

    /// <summary>The path without its last key or index; null for the root.</summary>
    public static string? Parent(string path) =>
        path.Length == 0 ? null : path.Substring(0, Math.Max(0, path.LastIndexOfAny(['.', '['])));

    /// <summary>For messages.</summary>
    public static string Describe(string path) => path.Length == 0 ? "the model" : path;
}
