using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>Memory of our own that ONNX Runtime reads and writes in place; zeroed.</summary>
internal sealed unsafe class NativeBuffer<T> : IDisposable
    where T : unmanaged
{
    private const nuint Alignment = 64;

    private readonly T* _memory;
    private readonly int _length;

    public NativeBuffer(TensorElementType type, params long[] shape)
    {
        var length = shape.Aggregate(1L, (product, dimension) => checked(product * dimension));
        _length = checked((int)length);
        var bytes = checked((nuint)length * (nuint)sizeof(T));
        _memory = (T*)NativeMemory.AlignedAlloc(Math.Max(bytes, 1), Alignment);
        NativeMemory.Clear(_memory, bytes);
        Value = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, type, shape, (nint)_memory, (long)bytes);
    }

    public OrtValue Value { get; }

    public Span<T> Span => new(_memory, _length);

    /// <summary>A tensor over a part of the memory; to be disposed before the buffer.</summary>
    /// <param name="type">That of the elements.</param>
    /// <param name="start">Its first element.</param>
    /// <param name="shape">May have no elements.</param>
    public OrtValue View(TensorElementType type, int start, params long[] shape) => OrtValue.CreateTensorValueWithData(
        OrtMemoryInfo.DefaultInstance, type, shape, (nint)(_memory + start), shape.Aggregate(1L, (product, dimension) => product * dimension) * sizeof(T));

    public void Dispose()
    {
        Value.Dispose();
        NativeMemory.AlignedFree(_memory);
    }
}
