using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

/// <summary>Cases of kernel tests: each element type, on our kernels and on libtorch's, which CUDA uses.</summary>
public abstract class KernelTest : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public static TheoryData<ScalarType, bool> Cases => new()
    {
        { ScalarType.Float32, false },
        { ScalarType.Float32, true },
        { ScalarType.BFloat16, false },
        { ScalarType.BFloat16, true },
    };

    /// <summary>Gradients summed from bf16 values are fp32 but only as exact as their terms.</summary>
    protected static double Loose(ScalarType type) => type == ScalarType.BFloat16 ? 2e-2 : 2e-5;

    public void Dispose()
    {
        _scope.Dispose();
        GC.SuppressFinalize(this);
    }
}
