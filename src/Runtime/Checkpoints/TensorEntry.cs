using System.Collections.Immutable;

namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>One tensor of a checkpoint.</summary>
/// <param name="Name">Its name, as in Hugging Face checkpoints.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">Its dimensions; empty for a scalar.</param>
/// <param name="Offset">First byte, counted from the start of the file's data section.</param>
/// <param name="ByteLength">Number of bytes.</param>
public sealed record TensorEntry(string Name, DType Type, ImmutableArray<long> Shape, long Offset, long ByteLength)
{
    public override string ToString() => $"{Name}: {Type.Name()} [{string.Join(", ", Shape)}]";

    /// <summary>Bytes of a tensor of this type and shape.</summary>
    /// <exception cref="OverflowException">More than a 64-bit number holds.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A dimension is negative.</exception>
    public static long SizeOf(DType type, ReadOnlySpan<long> shape)
    {
        long bytes = type.Size();
        foreach (var dimension in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(dimension);
            bytes = checked(bytes * dimension);
        }

        return bytes;
    }
}
