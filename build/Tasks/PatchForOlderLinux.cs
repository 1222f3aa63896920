using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;
using TaskItem = Microsoft.Build.Utilities.TaskItem;

namespace ModelCompiler.Build.Tasks;

/// <summary>
/// Makes a copy of each native library that asks for a newer libstdc++ than this machine has, changed by
/// <see cref="LibstdcxxPatch"/> so that it loads. The library itself is left alone.
/// </summary>
public sealed class PatchForOlderLinux : Task
{
    /// <summary>The native libraries, as their packages have them.</summary>
    [Required]
    public ITaskItem[] Libraries { get; set; } = [];

    /// <summary>Where the copies go.</summary>
    [Required]
    public string OutputDirectory { get; set; } = "";

    /// <summary>The libraries that have a copy.</summary>
    [Output]
    public ITaskItem[] Originals { get; private set; } = [];

    /// <summary>Their copies, with the metadata of the originals.</summary>
    [Output]
    public ITaskItem[] Copies { get; private set; } = [];

    /// <summary>Whether this machine can load the libraries as they are; tests say no.</summary>
    internal Func<bool> HostIsNewEnough { get; set; } = () => HostLibstdcxx.Provides(LibstdcxxPatch.Symbol, LibstdcxxPatch.Version);

    public override bool Execute()
    {
        if (HostIsNewEnough()) return true;

        var copies = Libraries.Select(l => (Original: l, Path: Patch(l.ItemSpec))).Where(c => c.Path is not null).ToArray();
        Originals = [.. copies.Select(c => c.Original)];
        Copies = [.. copies.Select(c => Copy(c.Original, c.Path!))];
        return !Log.HasLoggedErrors;
    }

    private string? Patch(string original)
    {
        try
        {
            string copy = Path.GetFullPath(Path.Combine(OutputDirectory, Path.GetFileName(original)));
            if (IsUpToDate(original, copy)) return copy;

            byte[] bytes = File.ReadAllBytes(original);
            if (!LibstdcxxPatch.Apply(bytes)) return null;
            Write(bytes, copy, File.GetLastWriteTimeUtc(original));
            Log.LogMessage(MessageImportance.Normal, "{0}: made to load without {1}.", copy, LibstdcxxPatch.Version);
            return copy;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            Log.LogError(
                "ModelCompiler", "MC4001", helpKeyword: null, original, 0, 0, 0, 0,
                "TorchSharp's native library needs {0}, which this machine's libstdc++ lacks, and no copy that loads without it could be "
                + "made: {1}. Clear the NuGet cache and restore again, or build on a Linux with GCC 13's libstdc++ or later "
                + "(Debian 13, Ubuntu 24.04, RHEL 10).",
                LibstdcxxPatch.Version, e.Message.TrimEnd('.'));
            return null;
        }
    }

    // A copy has the length and the time of its original, so a restored package of another version never passes for this one.
    private static bool IsUpToDate(string original, string copy)
    {
        var (from, to) = (new FileInfo(original), new FileInfo(copy));
        return to.Exists && from.Exists && to.Length == from.Length && to.LastWriteTimeUtc == from.LastWriteTimeUtc;
    }

    private static void Write(byte[] bytes, string path, DateTime time)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew))
            {
                stream.Write(bytes, 0, bytes.Length);
                stream.Flush(flushToDisk: true);
            }
            File.SetLastWriteTimeUtc(temporary, time);
            // Never written through: the app's output may hold a hard link to the present copy.
            if (File.Exists(path)) File.Replace(temporary, path, null);
            else File.Move(temporary, path);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static TaskItem Copy(ITaskItem original, string path)
    {
        var copy = new TaskItem(path);
        original.CopyMetadataTo(copy);
        return copy;
    }
}
