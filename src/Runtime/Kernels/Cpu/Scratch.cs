using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Working memory of each thread: it grows to the largest kernel's need and is kept, so that a steady state allocates nothing.</summary>
internal static class Scratch
{
    [ThreadStatic]
    private static Tensor? s_fp32;

    [ThreadStatic]
    private static Tensor? s_bf16;

    [ThreadStatic]
    private static Tensor? s_fp16;

    /// <summary>At least so many elements in a row, of undefined content; valid until the thread's next call with that type.</summary>
    public static Tensor Rent(ScalarType type, long length)
    {
        ref var buffer = ref s_fp32;
        if (type == ScalarType.BFloat16) buffer = ref s_bf16;
        else if (type == ScalarType.Float16) buffer = ref s_fp16;
        if (buffer is null || buffer.numel() < length)
        {
            buffer?.Dispose();
            buffer = empty([length], type).DetachFromDisposeScope();
        }

        return buffer;
    }
}
