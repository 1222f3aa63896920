using Microsoft.Win32.SafeHandles;

namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>
/// The bytes of a tensor in its file, for reading them once, in order: in large requests, which the system serves from the disk or its
/// cache faster than page faults of a mapping.
/// </summary>
internal sealed class TensorBytes(SafeFileHandle file, long start, TensorEntry entry, string path)
{
    public TensorEntry Entry => entry;

    /// <summary>Reads the bytes from <paramref name="offset"/> of the tensor on. Thread-safe.</summary>
    /// <exception cref="CheckpointException">The file has become shorter.</exception>
    public void Read(long offset, Span<byte> into)
    {
        while (into.Length > 0)
        {
            var count = RandomAccess.Read(file, into, start + offset);
            if (count == 0)
                throw new CheckpointException($"'{path}' was cut off while '{entry.Name}' was read. Download it again.");
            offset += count;
            into = into[count..];
        }
    }
}
