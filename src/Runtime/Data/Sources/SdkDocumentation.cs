using System.Runtime.InteropServices;

namespace ModelCompiler.Runtime.Data.Sources;

/// <summary>The XML documentation of the installed .NET SDK: a real corpus of some 32 MB on every .NET developer's machine.</summary>
public static class SdkDocumentation
{
    /// <summary>The source's name in a declaration.</summary>
    public const string Name = "sdk-docs";

    /// <summary>The folder <c>packs/Microsoft.NETCore.App.Ref/*/ref/net*</c> of the newest SDK that has XML files.</summary>
    /// <exception cref="DataException">No SDK with documentation is installed.</exception>
    public static string FindFolder() => FindFolder(DotnetRoots());

    internal static string FindFolder(IEnumerable<string> roots)
    {
        var looked = roots.Distinct().ToArray();
        return looked.Select(NewestIn).FirstOrDefault(folder => folder is not null)
            ?? throw new DataException(
                $"No .NET SDK documentation was found below {string.Join(", ", looked)}. "
                + "Install the .NET SDK, or give a file or folder of your own with --data (or data.source in the declaration).");
    }

    private static string? NewestIn(string root)
    {
        var packs = new DirectoryInfo(Path.Combine(root, "packs", "Microsoft.NETCore.App.Ref"));
        if (!packs.Exists)
            return null;
        return packs.EnumerateDirectories()
            .OrderByDescending(pack => VersionOf(pack.Name))
            .Select(pack => new DirectoryInfo(Path.Combine(pack.FullName, "ref")))
            .Where(reference => reference.Exists)
            .SelectMany(reference => reference.EnumerateDirectories("net*"))
            .FirstOrDefault(folder => folder.EnumerateFiles("*.xml").Any())?.FullName;
    }

    /// <summary>10.0.0-rc.1 counts as 10.0.0, and what is no version comes last.</summary>
    private static Version VersionOf(string name) => Version.TryParse(name.Split('-')[0], out var version) ? version : new Version();

    private static IEnumerable<string> DotnetRoots()
    {
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } root)
            yield return root;

        // shared/Microsoft.NETCore.App/10.0.0/ of the running framework, where it is not self-contained.
        var runtime = new DirectoryInfo(RuntimeEnvironment.GetRuntimeDirectory());
        if (runtime.Parent?.Parent?.Parent is { } above)
            yield return above.FullName;

        string[] hosts = [Environment.ProcessPath ?? "", .. OnPath()];
        foreach (var host in hosts.Where(host => Path.GetFileNameWithoutExtension(host) == "dotnet" && File.Exists(host)))
            yield return Path.GetDirectoryName(File.ResolveLinkTarget(host, returnFinalTarget: true)?.FullName ?? host)!;
    }

    private static IEnumerable<string> OnPath() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
}
