using ModelCompiler.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Memory;

/// <summary>
/// One buffer on a device that holds every activation of a program. Its size and the place of each tensor are planned at
/// build time; the views are made once, when the program is created, and live as long as the arena.
/// </summary>
public sealed class Arena : IDisposable
{
    /// <summary>Each view starts at a multiple of this many bytes: a cache line, and a whole number of any element.</summary>
    public const int Alignment = 64;

    private readonly Tensor _buffer;
    private readonly List<Tensor> _views = [];

    /// <summary>Reserves the buffer. Its pages are touched when they are first written, and its content is undefined.</summary>
    /// <param name="bytes">The planned size; 0 is an arena without views.</param>
    /// <param name="device">Where the buffer lies.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bytes"/> is negative.</exception>
    public Arena(long bytes, Device device)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;
        _buffer = empty([bytes], ScalarType.Byte, device).DetachFromDisposeScope();
    }

    /// <summary>The planned size.</summary>
    public long Bytes { get; }

    /// <summary>The largest end of any view made so far, in bytes: what the program really uses.</summary>
    public long HighWaterMark { get; private set; }

    /// <summary>A contiguous tensor in the arena. The arena owns it.</summary>
    /// <param name="byteOffset">Where it starts: a multiple of <see cref="Alignment"/>.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="shape">Its dimensions.</param>
    /// <exception cref="ArgumentException">The offset is not aligned, or the tensor does not lie within the arena.</exception>
    public Tensor View(long byteOffset, ScalarType type, params ReadOnlySpan<long> shape)
    {
        var length = 1L;
        foreach (var dimension in shape) length = checked(length * dimension);
        var end = checked(byteOffset + (length * type.ElementSize()));
        if (byteOffset < 0 || end > Bytes || length < 0)
        {
            throw new ArgumentException(
                $"A tensor of {type}[{string.Join(", ", shape.ToArray())}] at byte {byteOffset} ends at {end}, outside the arena of {Bytes} bytes.");
        }

        if (byteOffset % Alignment != 0)
            throw new ArgumentException($"Byte offset {byteOffset} is not a multiple of {Alignment}.", nameof(byteOffset));

        using var scope = NewDisposeScope();
        var cast = new OperatorCall("aten::view"u8, "dtype"u8);
        cast.Add(_buffer.narrow(0, byteOffset, end - byteOffset));
        cast.Add((long)type);
        var view = cast.InvokeNew().view(shape.ToArray()).DetachFromDisposeScope();
        _views.Add(view);
        HighWaterMark = Math.Max(HighWaterMark, end);
        return view;
    }

    /// <summary>The first and the second half of a view's rows. The arena owns them.</summary>
    /// <param name="rows">[N, ..], of an even N.</param>
    /// <exception cref="ArgumentException">The number of rows is odd.</exception>
    public Tensor[] Halves(Tensor rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var half = rows.size(0) / 2;
        if (rows.size(0) != 2 * half) throw new ArgumentException($"{rows.size(0)} rows have no two halves.", nameof(rows));
        Tensor[] halves = [rows.narrow(0, 0, half).DetachFromDisposeScope(), rows.narrow(0, half, half).DetachFromDisposeScope()];
        _views.AddRange(halves);
        return halves;
    }

    public void Dispose()
    {
        foreach (var view in _views) view.Dispose();
        _views.Clear();
        _buffer.Dispose();
    }
}
