using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>The keys, or values, of one attention for all sequences of a program, [B, ..]: allocated once, where the model runs, and read and written in place.</summary>
internal sealed unsafe class OnnxCache : IDisposable
{
    private readonly OrtValue _all;
    private readonly OrtAllocator? _allocator;
    private readonly OrtMemoryInfo _place;
    private readonly TensorElementType _type;
    private readonly long[] _shape;
    private readonly long _bytes;
    private readonly byte* _first;

    public OnnxCache(InferenceSession session, string device, string input, int batch)
    {
        var metadata = session.InputMetadata[input];
        _type = metadata.ElementDataType;
        _shape = [1, .. metadata.Dimensions.Skip(1).Select(dimension => (long)dimension)];
        _bytes = _shape.Aggregate((long)Marshal.SizeOf(metadata.ElementType), (product, dimension) => checked(product * dimension));
        if (device == "cpu")
        {
            _place = OrtMemoryInfo.DefaultInstance;
            _first = (byte*)NativeMemory.AlignedAlloc((nuint)(batch * _bytes), 64);
            NativeMemory.Clear(_first, (nuint)(batch * _bytes));
            _all = View(0, batch);
            return;
        }

        _place = new OrtMemoryInfo("Cuda", OrtAllocatorType.DeviceAllocator, 0, OrtMemType.Default);
        _allocator = new OrtAllocator(session, _place);
        _all = OrtValue.CreateAllocatedTensorValue(_allocator, _type, [batch, .. _shape.Skip(1)]);
        _first = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(_all.GetTensorMutableRawData()));
    }

    /// <summary>The last dimension.</summary>
    public int Width => (int)_shape[^1];

    /// <summary>The values of the first sequence; only in fp32 and on the CPU.</summary>
    public ReadOnlySpan<float> First() => new(_first, (int)(_bytes / sizeof(float)));

    /// <summary>The values of a sequence; only in fp32 and on the CPU.</summary>
    public float* Of(int sequence) => (float*)(_first + (sequence * _bytes));

    /// <summary>Some of the sequences that follow each other, as a value of its own.</summary>
    public OrtValue View(int first, int count) =>
        OrtValue.CreateTensorValueWithData(_place, _type, [count, .. _shape.Skip(1)], (nint)(_first + (first * _bytes)), count * _bytes);

    /// <summary>Zeros the values of a sequence; only on the CPU.</summary>
    public void Clear(int sequence) => NativeMemory.Clear(_first + (sequence * _bytes), (nuint)_bytes);

    public void Dispose()
    {
        _all.Dispose();
        if (_allocator is null)
        {
            NativeMemory.AlignedFree(_first);
            return;
        }

        _allocator.Dispose();
        _place.Dispose();
    }
}
