namespace ModelCompiler.Runtime.Data.Sources;

/// <summary>A file of training text.</summary>
/// <param name="Name">Path relative to the source's folder, with '/': the same on every machine.</param>
/// <param name="Path">Where it lies.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Modified">Time of its last change, UTC.</param>
public sealed record SourceFile(string Name, string Path, long Length, DateTime Modified)
{
    public static SourceFile Of(string path, string folder)
    {
        var file = new FileInfo(path);
        var target = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
        return new(System.IO.Path.GetRelativePath(folder, path).Replace('\\', '/'), path, target.Length, target.LastWriteTimeUtc);
    }
}
