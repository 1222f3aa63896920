using System.Text;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Training;

/// <summary>A file that a run adds to at each step, unbuffered. A full disk is told by file, bytes and free space, whichever call finds it.</summary>
internal sealed class RecordFile : IDisposable
{
    private readonly string _path;
    private readonly FileStream _file;
    private long _unflushed;

    /// <param name="path">The file.</param>
    /// <param name="open">Opens it.</param>
    /// <exception cref="DiskFullException">The disk has no room for the file, as all that writes may throw.</exception>
    public RecordFile(string path, Func<string, FileStream> open)
    {
        _path = Path.GetFullPath(path);
        try
        {
            _file = open(_path);
        }
        catch (IOException e) when (IsFull(e, 0))
        {
            throw new DiskFullException(_path, 0, e);
        }
    }

    public long Length => _file.Length;

    /// <summary>Reads the text from its start; <see cref="Cut"/> it before the next write.</summary>
    public StreamReader Read()
    {
        _file.Position = 0;
        return new StreamReader(_file, Encoding.UTF8, false, 1 << 16, leaveOpen: true);
    }

    /// <summary>Ends the file after so many bytes; what is written next follows them.</summary>
    public void Cut(long length)
    {
        try
        {
            _file.SetLength(length);
            _file.Position = length;
        }
        catch (IOException e) when (IsFull(e, 0))
        {
            throw new DiskFullException(_path, 0, e);
        }
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _file.Write(bytes);
            _unflushed += bytes.Length;
        }
        catch (IOException e) when (IsFull(e, bytes.Length))
        {
            throw new DiskFullException(_path, bytes.Length, e);
        }
    }

    /// <summary>Waits until the disk itself has what was written.</summary>
    public void Flush()
    {
        try
        {
            _file.Flush(flushToDisk: true);
            _unflushed = 0;
        }
        catch (IOException e) when (IsFull(e, _unflushed))
        {
            throw new DiskFullException(_path, _unflushed, e);
        }
    }

    public void Dispose() => _file.Dispose();

    private bool IsFull(IOException error, long bytes) => DiskFullException.Explains(error, Path.GetDirectoryName(_path)!, bytes);
}
