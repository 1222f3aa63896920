using System.Text;
using TorchSharp;

namespace ModelCompiler.Runtime.Native;

/// <summary>A tensor handle of our own without a managed object around it: views made and dropped inside a kernel.</summary>
internal unsafe ref struct NativeTensor
{
    public nint Handle { get; private set; }

    /// <summary>A view of <paramref name="source"/>'s storage.</summary>
    /// <param name="source">The tensor whose storage, type and device the view shares.</param>
    /// <param name="sizes">Its shape.</param>
    /// <param name="strides">Its strides, in elements.</param>
    /// <param name="offset">Its first element, counted from the first of <paramref name="source"/>.</param>
    public static NativeTensor View(
        torch.Tensor source, scoped ReadOnlySpan<long> sizes, scoped ReadOnlySpan<long> strides, long offset = 0)
    {
        nint handle;
        fixed (long* size = sizes, stride = strides)
        {
            if (LibTorch.Reinterpret(source.Handle, sizes.Length, size, stride, offset, &handle) != 0)
                throw new NativeException($"libtorch refused a view of {Describe(source.Handle)}; its reason is on stderr.");
        }

        return new NativeTensor { Handle = handle };
    }

    /// <summary>The transpose of a matrix, as a view.</summary>
    public static NativeTensor Transpose(torch.Tensor matrix) =>
        View(matrix, [matrix.size(1), matrix.size(0)], [matrix.stride(1), matrix.stride(0)]);

    /// <summary>Copies values, and converts them where the element types differ.</summary>
    public static void Copy(nint from, nint into)
    {
        if (LibTorch.Copy(into, from, 0) != 0)
            throw new NativeException($"libtorch refused to copy {Describe(from)} into {Describe(into)}; its reason is on stderr.");
    }

    /// <summary>Shape and element type of a tensor, for messages.</summary>
    public static string Describe(nint handle)
    {
        nint copy;
        if (handle == 0 || LibTorch.NewTensorHandle(handle, &copy) != 0) return "?";
        using var tensor = torch.Tensor.UnsafeCreateTensor(copy);
        return new StringBuilder().Append(tensor.dtype).Append('[').AppendJoin(", ", tensor.shape).Append(']').ToString();
    }

    public void Dispose()
    {
        if (Handle != 0) _ = LibTorch.DeleteTensor(Handle);
        Handle = 0;
    }
}
