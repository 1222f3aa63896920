using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tests;

/// <summary>Keeps the tests' token caches out of the user's.</summary>
internal static class TestCache
{
    [ModuleInitializer]
    internal static void Redirect()
    {
        var folder = Directory.CreateTempSubdirectory("modelcompiler-tests-").FullName;
        Environment.SetEnvironmentVariable(CacheFolder.Variable, folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
    }
}
