using System.Runtime.InteropServices;

namespace ModelCompiler.Runtime.IO;

/// <summary>Writes a file whole or not at all: readers see the old content or the new, never a part of it.</summary>
public static partial class AtomicFile
{
    /// <summary>What the names of temporary files end in; a process that was killed may leave one.</summary>
    internal const string TemporaryExtension = ".tmp";

    /// <summary>
    /// Writes to a temporary file in the same folder, flushes it to disk, renames it over <paramref name="path"/> and flushes the
    /// folder, so that after the call the file survives a crash of the machine. If <paramref name="write"/> throws, the temporary
    /// file is removed and the previous file stays as it was.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes its content.</param>
    /// <param name="bytes">Its size, if known: the space is reserved before anything is written.</param>
    /// <exception cref="DiskFullException">The disk has no room for it.</exception>
    public static void Write(string path, Action<FileStream> write, long bytes = 0)
    {
        var target = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(target)!;

        // A name of its own for each writer, so that processes that write the same file do not meet.
        var temporary = Path.Combine(folder, $"{Path.GetFileName(target)}.{Guid.NewGuid():N}{TemporaryExtension}");
        try
        {
            Directory.CreateDirectory(folder);
            using (var stream = new FileStream(temporary, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                BufferSize = 1 << 16,
                PreallocationSize = bytes,
            }))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, target, overwrite: true);
            FlushFolder(folder);
        }
        catch (IOException e) when (DiskFullException.Explains(e, folder, bytes))
        {
            throw new DiskFullException(path, bytes, e);
        }
        finally
        {
            File.Delete(temporary); // does nothing after the rename
        }
    }

    /// <summary>Writes text as UTF-8 without a byte order mark.</summary>
    public static void WriteText(string path, string text)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        Write(path, stream => stream.Write(bytes), bytes.Length);
    }

    /// <summary>Flushes a folder's entries to disk, where the system has a call for it: a rename is durable only then.</summary>
    private static void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        var descriptor = Open(folder, 0);
        if (descriptor < 0)
            return; // not readable, yet writable: the rename is still atomic
        _ = Flush(descriptor);
        _ = Close(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int readOnly);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Flush(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
