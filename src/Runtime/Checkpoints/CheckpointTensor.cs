using System.Runtime.InteropServices;

namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>A tensor to be written: its description and a function that writes its bytes, row-major and little-endian.</summary>
/// <param name="Name">Unique in the checkpoint.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions; empty for a scalar.</param>
/// <param name="WriteTo">Writes exactly the tensor's bytes. Called once, in the middle of writing the file.</param>
public sealed record CheckpointTensor(string Name, DType Type, long[] Shape, Action<Stream> WriteTo)
{
    /// <summary>A tensor over an array; the element type's size is that of <typeparamref name="T"/>.</summary>
    public static CheckpointTensor FromArray<T>(string name, DType type, long[] shape, T[] values)
        where T : unmanaged =>
        new(name, type, shape, stream => stream.Write(MemoryMarshal.AsBytes<T>(values)));

    /// <summary>A contiguous tensor in native memory, such as a libtorch tensor on the CPU. It must outlive the writing.</summary>
    public static unsafe CheckpointTensor FromAddress(string name, DType type, long[] shape, nint address) =>
        new(name, type, shape, stream =>
        {
            using var bytes = new UnmanagedMemoryStream((byte*)address, TensorEntry.SizeOf(type, shape));
            bytes.CopyTo(stream, 1 << 20);
        });
}
