using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>A safetensors file, mapped into memory: tensors are read where they lie and nothing is copied.</summary>
public sealed class SafetensorsReader : IDisposable
{
    private readonly MappedFile _file;
    private readonly long _dataStart;
    private readonly Dictionary<string, TensorEntry> _byName;

    private SafetensorsReader(MappedFile file)
    {
        _file = file;
        var headerLength = SafetensorsHeader.ReadLength(
            file.Span(0, (int)Math.Min(file.Length, SafetensorsHeader.PrefixBytes)), file.Length, file.Path);
        _dataStart = SafetensorsHeader.PrefixBytes + headerLength;
        var header = SafetensorsHeader.Parse(
            file.Span(SafetensorsHeader.PrefixBytes, headerLength), file.Length - _dataStart, file.Path);
        Tensors = header.Tensors;
        Metadata = header.Metadata;
        _byName = header.Tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
    }

    /// <summary>The tensors in the order of their data.</summary>
    public ImmutableArray<TensorEntry> Tensors { get; }

    public ImmutableSortedDictionary<string, string> Metadata { get; }

    /// <summary>Whether the file has the digest that <see cref="SafetensorsWriter"/> stores.</summary>
    public bool HasDigest => Metadata.ContainsKey(ContentDigest.Key);

    /// <summary>The tensor of a name.</summary>
    /// <exception cref="CheckpointException">There is none.</exception>
    public TensorEntry this[string name] => _byName.TryGetValue(name, out var entry)
        ? entry
        : throw new CheckpointException(
            $"Checkpoint '{_file.Path}' has no tensor '{name}'; it was written by another model or an older declaration.");

    /// <summary>Opens a file and checks its header strictly before anything is allocated for its tensors.</summary>
    /// <param name="path">The file.</param>
    /// <param name="verify">Also compares the content with the digest that <see cref="SafetensorsWriter"/> stores; a file
    /// without one passes.</param>
    /// <exception cref="CheckpointException">The file is missing, cut off, malformed or changed.</exception>
    public static SafetensorsReader Open(string path, bool verify = true)
    {
        MappedFile file;
        try
        {
            file = new MappedFile(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"Checkpoint '{path}' cannot be opened ({e.Message}). Check its path and permissions.", e);
        }

        try
        {
            var reader = new SafetensorsReader(file);
            if (verify)
                reader.Verify();
            return reader;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public bool Contains(string name) => _byName.ContainsKey(name);

    /// <summary>The bytes of a tensor, valid until the reader is disposed.</summary>
    /// <exception cref="CheckpointException">No such tensor, or one of more than 2 GiB: use <see cref="Address"/>.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var entry = this[name];
        if (entry.ByteLength > int.MaxValue)
            throw new CheckpointException($"Tensor '{name}' of '{_file.Path}' is larger than a span; read it through its address.");
        return _file.Span(_dataStart + entry.Offset, (int)entry.ByteLength);
    }

    /// <summary>The elements of a tensor whose element type has the size of <typeparamref name="T"/>.</summary>
    /// <exception cref="CheckpointException">No such tensor, or elements of another size.</exception>
    public ReadOnlySpan<T> Values<T>(string name)
        where T : unmanaged
    {
        var entry = this[name];
        if (entry.Type.Size() != Unsafe.SizeOf<T>())
            throw new CheckpointException($"Tensor '{entry}' of '{_file.Path}' cannot be read as {typeof(T).Name}.");
        return MemoryMarshal.Cast<byte, T>(Bytes(name));
    }

    /// <summary>The address of a tensor's first byte, valid until the reader is disposed.</summary>
    public unsafe nint Address(string name)
    {
        var entry = this[name];
        return (nint)_file.Pointer(_dataStart + entry.Offset, entry.ByteLength);
    }

    /// <summary>A tensor's bytes by reading them, not through the mapping.</summary>
    internal TensorBytes Stream(string name) => new(_file.Handle, _dataStart + this[name].Offset, this[name], _file.Path);

    public void Dispose() => _file.Dispose();

    private void Verify()
    {
        if (!Metadata.TryGetValue(ContentDigest.Key, out var expected))
            return;
        using var hash = ContentDigest.Create();
        var header = _file.Span(0, (int)_dataStart);
        var found = ContentDigest.AppendHeader(hash, header, expected);
        _file.ForEachPiece(_dataStart, _file.Length - _dataStart, piece => hash.AppendData(piece));
        if (!found || ContentDigest.Finish(hash) != expected)
        {
            throw new CheckpointException(
                $"Checkpoint '{_file.Path}' was damaged: its content does not match its SHA-256. Restore it from a copy, or open it "
                + "with verify: false if it was edited on purpose.");
        }
    }
}
