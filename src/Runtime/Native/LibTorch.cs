using System.Reflection;
using System.Runtime.InteropServices;
using TorchSharp;

namespace ModelCompiler.Runtime.Native;

/// <summary>
/// The part that we use of the C interface which libtorch exports and keeps stable: <c>aoti_torch_*</c> and <c>torch_*</c>,
/// from libtorch 2.10. Each function returns 0 on success. A TorchSharp <c>Tensor.Handle</c> is an <c>AtenTensorHandle</c>.
/// </summary>
internal static unsafe class LibTorch
{
    /// <summary>The version of the interface that we speak, as its <c>TORCH_ABI_VERSION</c> words it: 2.10.0.</summary>
    public const ulong AbiVersion = (2ul << 56) | (10ul << 48);

    private static readonly nint Library = Load("torch_cpu", required: true);
    private static readonly nint CudaLibrary = torch.cuda.is_available() ? Load("torch_cuda", required: false) : 0;

    public static readonly delegate* unmanaged<byte*, byte*, ulong*, ulong, int> CallDispatcher =
        (delegate* unmanaged<byte*, byte*, ulong*, ulong, int>)Export("torch_call_dispatcher");

    public static readonly delegate* unmanaged<nint, nint*, int> NewTensorHandle =
        (delegate* unmanaged<nint, nint*, int>)Export("aoti_torch_new_tensor_handle");

    public static readonly delegate* unmanaged<nint, int> DeleteTensor =
        (delegate* unmanaged<nint, int>)Export("aoti_torch_delete_tensor_object");

    public static readonly delegate* unmanaged<nuint, nint*, int> NewList =
        (delegate* unmanaged<nuint, nint*, int>)Export("torch_new_list_reserve_size");

    public static readonly delegate* unmanaged<nint, ulong, int> ListPushBack =
        (delegate* unmanaged<nint, ulong, int>)Export("torch_list_push_back");

    public static readonly delegate* unmanaged<byte*, nuint, nint*, int> NewString =
        (delegate* unmanaged<byte*, nuint, nint*, int>)Export("torch_new_string_handle");

    public static readonly delegate* unmanaged<nint, void**, int> DataPointer =
        (delegate* unmanaged<nint, void**, int>)Export("aoti_torch_get_data_ptr");

    public static readonly delegate* unmanaged<nint, byte*, int> IsContiguous =
        (delegate* unmanaged<nint, byte*, int>)Export("aoti_torch_is_contiguous");

    /// <summary>The element type, as c10 numbers them.</summary>
    public static readonly delegate* unmanaged<nint, int*, int> ElementType =
        (delegate* unmanaged<nint, int*, int>)Export("aoti_torch_get_dtype");

    public static readonly delegate* unmanaged<nint, nint, int, int> Copy =
        (delegate* unmanaged<nint, nint, int, int>)Export("aoti_torch_copy_");

    /// <summary>The value of a tensor of one fp32 element.</summary>
    public static readonly delegate* unmanaged<nint, float*, int> Item =
        (delegate* unmanaged<nint, float*, int>)Export("aoti_torch_item_float32");

    /// <summary>(tensor, dimensions, sizes, strides, storage offset, out view): a view of the tensor's storage.</summary>
    public static readonly delegate* unmanaged<nint, long, long*, long*, long, nint*, int> Reinterpret =
        (delegate* unmanaged<nint, long, long*, long*, long, nint*, int>)Export("aoti_torch__reinterpret_tensor");

    /// <summary>(begin, end, grain, function, context): runs a range on libtorch's own threads.</summary>
    public static readonly delegate* unmanaged<long, long, long, delegate* unmanaged<long, long, void*, void>, void*, int> ParallelFor =
        (delegate* unmanaged<long, long, long, delegate* unmanaged<long, long, void*, void>, void*, int>)Export("torch_parallel_for");

    /// <summary>(out, a, b)</summary>
    public static readonly delegate* unmanaged<nint, nint, nint, int> CpuMm =
        (delegate* unmanaged<nint, nint, nint, int>)Export("aoti_torch_cpu_mm_out");

    /// <summary>(out, addend, a, b, beta, alpha)</summary>
    public static readonly delegate* unmanaged<nint, nint, nint, nint, double, double, int> CpuAddMm =
        (delegate* unmanaged<nint, nint, nint, nint, double, double, int>)Export("aoti_torch_cpu_addmm_out");

    /// <summary>(out, a, b)</summary>
    public static readonly delegate* unmanaged<nint, nint, nint, int> CpuBmm =
        (delegate* unmanaged<nint, nint, nint, int>)Export("aoti_torch_cpu_bmm_out");

    /// <summary>(out, addend, a, b, beta, alpha)</summary>
    public static readonly delegate* unmanaged<nint, nint, nint, nint, double, double, int> CpuAddBmm =
        (delegate* unmanaged<nint, nint, nint, nint, double, double, int>)Export("aoti_torch_cpu_baddbmm_out");

    public static readonly delegate* unmanaged<nint, nint, nint, int> CudaMm =
        (delegate* unmanaged<nint, nint, nint, int>)CudaExport("aoti_torch_cuda_mm_out");

    public static readonly delegate* unmanaged<nint, nint, nint, nint, double, double, int> CudaAddMm =
        (delegate* unmanaged<nint, nint, nint, nint, double, double, int>)CudaExport("aoti_torch_cuda_addmm_out");

    public static readonly delegate* unmanaged<nint, nint, nint, int> CudaBmm =
        (delegate* unmanaged<nint, nint, nint, int>)CudaExport("aoti_torch_cuda_bmm_out");

    public static readonly delegate* unmanaged<nint, nint, nint, nint, double, double, int> CudaAddBmm =
        (delegate* unmanaged<nint, nint, nint, nint, double, double, int>)CudaExport("aoti_torch_cuda_baddbmm_out");

    /// <summary>The address of a function that some builds of libtorch export and others do not, or 0.</summary>
    public static nint TryExport(string name) => NativeLibrary.TryGetExport(Library, name, out var address) ? address : 0;

    private static nint Export(string name) => TryExport(name) is var address and not 0
        ? address
        : throw new EntryPointNotFoundException(
            $"libtorch does not export '{name}'. ModelCompiler needs libtorch 2.10 or later: reference TorchSharp 0.107 or later.");

    private static nint CudaExport(string name) =>
        CudaLibrary != 0 && NativeLibrary.TryGetExport(CudaLibrary, name, out var address) ? address : 0;

    private static nint Load(string name, bool required)
    {
        // TorchSharp loads libtorch from wherever it lies; a second load by name then finds that same library.
        torch.InitializeDeviceType(DeviceType.CPU);
        var file = OperatingSystem.IsWindows() ? $"{name}.dll" : OperatingSystem.IsMacOS() ? $"lib{name}.dylib" : $"lib{name}.so";
        if (NativeLibrary.TryLoad(file, out var library)) return library;
        if (NativeLibrary.TryLoad(file, typeof(torch).Assembly, null, out library)) return library;
        if (NativeLibrary.TryLoad(file, Assembly.GetExecutingAssembly(), null, out library)) return library;
        return required
            ? throw new DllNotFoundException($"'{file}' was not found. Reference TorchSharp-cpu, or TorchSharp-cuda-linux or -windows.")
            : 0;
    }
}
