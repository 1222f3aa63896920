using ModelCompiler.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>What our own CPU kernels share.</summary>
internal static unsafe class Cpu
{
    /// <summary>Elements of work that are worth a second thread.</summary>
    public const long Grain = 16 * 1024;

    /// <summary>Whether a kernel of ours can run on the tensor: it lies in the CPU's memory, in fp32, bf16 or fp16.</summary>
    public static bool Takes(Tensor tensor) => tensor.device_type == DeviceType.CPU;

    public static bool IsBf16(Tensor tensor) => tensor.dtype == ScalarType.BFloat16;

    public static bool IsFp16(Tensor tensor) => tensor.dtype == ScalarType.Float16;

    /// <summary>The first element of a contiguous tensor.</summary>
    /// <exception cref="ArgumentException">The tensor is not contiguous.</exception>
    public static void* Pointer(Tensor tensor)
    {
        var handle = tensor.Handle;
        byte contiguous;
        void* pointer;
        if (LibTorch.IsContiguous(handle, &contiguous) != 0 || LibTorch.DataPointer(handle, &pointer) != 0)
            throw new NativeException($"libtorch gives no data of {NativeTensor.Describe(handle)}; its reason is on stderr.");
        if (contiguous == 0)
            throw new ArgumentException($"A kernel needs contiguous tensors; {NativeTensor.Describe(handle)} is not.");
        return pointer;
    }

    /// <summary>The first element of an fp32 tensor that may be strided.</summary>
    /// <exception cref="ArgumentException">The tensor is not fp32.</exception>
    public static float* First(Tensor tensor)
    {
        if (tensor.dtype != ScalarType.Float32) throw new ArgumentException($"A kernel needs fp32 here, not {NativeTensor.Describe(tensor.Handle)}.");
        void* pointer;
        return LibTorch.DataPointer(tensor.Handle, &pointer) == 0
            ? (float*)pointer
            : throw new NativeException($"libtorch gives no data of {NativeTensor.Describe(tensor.Handle)}; its reason is on stderr.");
    }

    /// <summary>The first element of a contiguous tensor with a given number of elements of a type.</summary>
    /// <exception cref="ArgumentException">The tensor is not contiguous, or has another type or number of elements.</exception>
    public static T* Elements<T>(Tensor tensor, long count)
        where T : unmanaged, IElement<T> => tensor.dtype == T.Type && tensor.numel() == count
        ? (T*)Pointer(tensor)
        : throw new ArgumentException($"A kernel needs {count} elements of {T.Type} here, not {NativeTensor.Describe(tensor.Handle)}.");

    /// <summary>The first element of a contiguous tensor with a given number of elements of a type.</summary>
    /// <exception cref="ArgumentException">The tensor is not contiguous, or has another type or number of elements.</exception>
    public static void* Elements(Tensor tensor, ScalarType type, long count) => tensor.dtype == type && tensor.numel() == count
        ? Pointer(tensor)
        : throw new ArgumentException($"A kernel needs {count} elements of {type} here, not {NativeTensor.Describe(tensor.Handle)}.");

    /// <summary>The first element of a contiguous fp32 tensor: statistics, gradients and parameters of norms.</summary>
    /// <exception cref="ArgumentException">The tensor is not contiguous, or not fp32.</exception>
    public static float* Floats(Tensor tensor) => tensor.dtype == ScalarType.Float32
        ? (float*)Pointer(tensor)
        : throw new ArgumentException($"A kernel needs fp32 here, not {NativeTensor.Describe(tensor.Handle)}.");

    /// <summary>Rows that are worth a second thread.</summary>
    public static long RowGrain(long width) => Math.Max(1, Grain / Math.Max(1, width));
}
