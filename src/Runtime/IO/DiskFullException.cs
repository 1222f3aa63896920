namespace ModelCompiler.Runtime.IO;

/// <summary>A file does not fit on its disk. What had been there is as it was, and no part of the new file is left.</summary>
public sealed class DiskFullException : IOException
{
    private const int NoSpace = 28; // ENOSPC
    private const int QuotaOnLinux = 122; // EDQUOT
    private const int DiskFullOnWindows = unchecked((int)0x80070070); // ERROR_DISK_FULL

    public DiskFullException(string path, long bytes, Exception inner)
        : base(Describe(path, bytes), inner)
    {
    }

    /// <summary>Whether a failure to write a file of a size was for want of room.</summary>
    internal static bool Explains(IOException error, string folder, long bytes) =>
        error is not DiskFullException
        && (error.HResult is NoSpace or QuotaOnLinux or DiskFullOnWindows || (Free(folder) is { } free && free < bytes));

    private static string Describe(string path, long bytes) => FormattableString.Invariant(
        $"The disk is full: '{path}' needs {bytes:N0} bytes{(Free(Path.GetDirectoryName(Path.GetFullPath(path))!) is { } free ? FormattableString.Invariant($" and {free:N0} are free") : "")}. Earlier files are as they were. Free some space, or write to another disk.");

    private static long? Free(string folder)
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
