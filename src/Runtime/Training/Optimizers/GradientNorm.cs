using System.Runtime.InteropServices;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>The global norm of the gradients; on the CPU it does not depend on the number of threads.</summary>
internal sealed unsafe class GradientNorm : IDisposable
{
    private readonly Tensor _gradients;
    private readonly Tensor? _square;
    private readonly double* _partials;

    /// <param name="gradients">fp32, contiguous; it must outlive this object.</param>
    /// <param name="byOperators">Whether to use libtorch's operators on the CPU too.</param>
    public GradientNorm(Tensor gradients, bool byOperators = false)
    {
        _gradients = gradients;
        if (Cpu.Takes(gradients) && !byOperators) _partials = (double*)NativeMemory.Alloc((nuint)SquaredSum.Partials(gradients.numel()), sizeof(double));
        else _square = empty([], ScalarType.Float32, gradients.device).DetachFromDisposeScope();
    }

    public double Of()
    {
        if (_square is null) return Math.Sqrt(SquaredSum.Of(Cpu.Floats(_gradients), _gradients.numel(), _partials));
        var call = new OperatorCall("aten::dot"u8, "out"u8);
        call.Add(_gradients);
        call.Add(_gradients);
        call.Add(_square);
        call.Invoke(1);
        float square;
        return LibTorch.Item(_square.Handle, &square) == 0
            ? Math.Sqrt(square)
            : throw new NativeException("libtorch gives no gradient norm; its reason is on stderr.");
    }

    public void Dispose()
    {
        NativeMemory.Free(_partials);
        _square?.Dispose();
    }
}
