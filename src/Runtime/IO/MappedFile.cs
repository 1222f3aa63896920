using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace ModelCompiler.Runtime.IO;

/// <summary>A file mapped read-only into memory: spans over it are read from disk when touched, and never copied.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _start;
    private bool _disposed;

    public MappedFile(string path)
    {
        // Delete is shared so that a writer can rename a new version over a file that is being read.
        Handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, FileOptions.SequentialScan);
        Path = path;
        Length = RandomAccess.GetLength(Handle);
        if (Length == 0)
            return; // an empty file cannot be mapped

        _file = MemoryMappedFile.CreateFromFile(Handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    /// <summary>For reading past the mapping.</summary>
    public SafeFileHandle Handle { get; }

    public string Path { get; }

    public long Length { get; }

    /// <summary>The address of a range that lies within the file.</summary>
    public byte* Pointer(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
        return _start + offset;
    }

    public ReadOnlySpan<byte> Span(long offset, int length) => new(Pointer(offset, length), length);

    /// <summary>Calls <paramref name="each"/> for a range that may be longer than a span can be, piece by piece.</summary>
    public void ForEachPiece(long offset, long length, Action<ReadOnlySpan<byte>> each)
    {
        const int Largest = 1 << 24;
        for (var end = offset + length; offset < end; offset += Largest)
            each(Span(offset, (int)Math.Min(Largest, end - offset)));
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        if (_start is not null)
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        _view?.Dispose();
        _file?.Dispose();
        Handle.Dispose();
    }
}
