using System.Runtime.CompilerServices;

namespace ModelCompiler.Compiler.Tests.Specs;

/// <summary>The example models beside this file, and the repository around it.</summary>
internal static class SpecFiles
{
    public static string RepositoryRoot { get; } = Path.GetFullPath(Path.Combine(Folder(), "..", "..", ".."));

    public static IEnumerable<string> Good => Names("good");

    public static IEnumerable<string> Bad => Names("bad");

    public static string Read(string name) => File.ReadAllText(Path.Combine(Folder(), name));

    private static IEnumerable<string> Names(string folder) =>
        Directory.GetFiles(Path.Combine(Folder(), folder), "*.yaml")
            .Select(file => folder + "/" + Path.GetFileName(file))
            .Order(StringComparer.Ordinal);

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
