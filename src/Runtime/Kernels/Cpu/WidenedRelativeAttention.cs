using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Relative attention of fp16 on the CPU in fp32, for the same reasons as <see cref="WidenedAttention"/>.</summary>
internal static class WidenedRelativeAttention
{
    public static void Forward(in RelativeInputs x, Tensor y, Tensor lse)
    {
        using var scope = NewDisposeScope();
        var wide = empty(y.shape);
        CpuRelativeAttention.Forward(Widen(x), wide, lse);
        y.copy_(wide);
    }

    public static void Backward(Tensor dy, in RelativeInputs x, Tensor y, Tensor lse, in RelativeGradients gradients)
    {
        using var scope = NewDisposeScope();
        var wide = gradients with
        {
            Q = empty(gradients.Q.shape), Kv = empty(gradients.Kv.shape), R = empty(gradients.R.shape),
            MemoryKv = gradients.MemoryKv is { } memory ? empty(memory.shape) : null,
        };
        CpuRelativeAttention.Backward(dy.to(ScalarType.Float32), Widen(x), y.to(ScalarType.Float32), lse, wide);
        gradients.Q.copy_(wide.Q);
        gradients.Kv.copy_(wide.Kv);
        gradients.R.copy_(wide.R);
        gradients.MemoryKv?.copy_(wide.MemoryKv!);
    }

    private static RelativeInputs Widen(in RelativeInputs x) => x with
    {
        Q = x.Q.to(ScalarType.Float32), Kv = x.Kv.to(ScalarType.Float32), R = x.R.to(ScalarType.Float32), MemoryKv = x.MemoryKv?.to(ScalarType.Float32),
    };
}
