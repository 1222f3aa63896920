using System.Globalization;
using System.Runtime.CompilerServices;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tests;

/// <summary>Keeps the tests' token caches out of the user's, and the user's culture out of the tests.</summary>
internal static class TestCache
{
    [ModuleInitializer]
    internal static void Redirect()
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var folder = Directory.CreateTempSubdirectory("modelcompiler-tests-").FullName;
        Environment.SetEnvironmentVariable(CacheFolder.Variable, folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
    }
}
