using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using DiffEngine;
using Microsoft.CodeAnalysis;

namespace ModelCompiler.Generators.Tests;

/// <summary>
/// Snapshots in the on-disk conventions of Verify and Verify.SourceGenerators with <c>UseDirectory("_snapshots")</c>: one file
/// for each generated file, <c>Class.Method#HintName.verified.cs</c>, with its hint name on the first line; UTF-8 with a byte
/// order mark, '\n' endings. On failure the output lies beside it as <c>.received.cs</c> and the diff tool opens.
/// ACCEPT_SNAPSHOTS=1 accepts everything.
/// </summary>
public static class Verifier
{
    private static readonly UTF8Encoding Encoding = new(encoderShouldEmitUTF8Identifier: true);

    public static async Task Verify(
        GeneratorDriver driver, [CallerFilePath] string sourceFile = "", [CallerMemberName] string method = "")
    {
        var folder = Path.Combine(ProjectDirectory, "_snapshots");
        var prefix = $"{Path.GetFileNameWithoutExtension(sourceFile)}.{method}";
        Directory.CreateDirectory(folder);

        var run = driver.GetRunResult();
        Assert.Empty(run.Diagnostics);
        var received = run.Results.SelectMany(result => result.GeneratedSources).ToDictionary(
            source => $"{prefix}#{Path.GetFileNameWithoutExtension(source.HintName)}",
            source => Scrub($"//HintName: {source.HintName}\n{source.SourceText}"));
        var failures = new List<string>();
        foreach (var (name, text) in received.OrderBy(file => file.Key, StringComparer.Ordinal))
        {
            await Compare(Path.Combine(folder, name), text, failures);
        }

        foreach (var stale in Verified(folder, prefix).Where(path => !received.ContainsKey(SnapshotName(path))))
        {
            if (Accept) File.Delete(stale);
            else failures.Add($"{Path.GetFileName(stale)}: no longer generated; delete it");
        }

        if (failures.Count > 0)
        {
            Assert.Fail(
                $"Snapshots differ (ACCEPT_SNAPSHOTS=1 accepts what was generated):\n  {string.Join("\n  ", failures)}");
        }
    }

    public static string ProjectDirectory { get; } = typeof(Verifier).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(metadata => metadata.Key == nameof(ProjectDirectory)).Value!;

    public static bool Accept => Environment.GetEnvironmentVariable("ACCEPT_SNAPSHOTS") == "1";

    private static async Task Compare(string path, string text, List<string> failures)
    {
        var verified = path + ".verified.cs";
        var received = path + ".received.cs";
        var accepted = File.Exists(verified) ? await File.ReadAllTextAsync(verified) : null;
        if (text == accepted)
        {
            File.Delete(received);
            return;
        }

        if (Accept)
        {
            await File.WriteAllTextAsync(verified, text, Encoding);
            File.Delete(received);
            return;
        }

        await File.WriteAllTextAsync(received, text, Encoding);
        failures.Add(accepted is null ? $"{Path.GetFileName(verified)}: new" : FirstDifference(Path.GetFileName(verified), accepted, text));
        if (!BuildServerDetector.Detected) await DiffRunner.LaunchAsync(received, verified);
    }

    private static string FirstDifference(string name, string verified, string received)
    {
        var (before, after) = (verified.Split('\n'), received.Split('\n'));
        var line = 0;
        while (line < before.Length && line < after.Length && before[line] == after[line]) line++;
        return $"{name}, line {line + 1}:\n    verified: {Line(before)}\n    received: {Line(after)}";

        string Line(string[] lines) => line < lines.Length ? lines[line] : "(the end)";
    }

    // Nothing depends on the machine but the paths of its folders.
    private static string Scrub(string text) =>
        text.Replace("\r\n", "\n").Replace(ProjectDirectory, "{ProjectDirectory}").Replace(Path.GetTempPath(), "{TempPath}/");

    private static IEnumerable<string> Verified(string folder, string prefix) =>
        Directory.EnumerateFiles(folder, prefix + "#*.verified.cs");

    private static string SnapshotName(string path)
    {
        var name = Path.GetFileName(path);
        return name[..name.LastIndexOf(".verified.", StringComparison.Ordinal)];
    }
}
