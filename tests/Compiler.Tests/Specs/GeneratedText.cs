namespace ModelCompiler.Compiler.Tests.Specs;

/// <summary>Files of the repository that are generated from the declarations of the language.</summary>
internal static class GeneratedText
{
    public static void AssertFresh(string path, string expected)
    {
        var file = Path.Combine(SpecFiles.RepositoryRoot, path);
        if (Environment.GetEnvironmentVariable("UPDATE_SCHEMA") == "1") File.WriteAllText(file, expected);
        Assert.True(
            File.Exists(file) && File.ReadAllText(file) == expected,
            $"{path} is stale: the declarations of the language have changed. Run the tests once with UPDATE_SCHEMA=1 and commit the file.");
    }
}
