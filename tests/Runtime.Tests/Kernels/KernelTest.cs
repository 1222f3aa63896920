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
        { ScalarType.Float16, false },
        { ScalarType.Float16, true },
    };

    /// <summary>Gradients summed from values of half precision are fp32 but only as exact as their terms.</summary>
    protected static double Loose(ScalarType type) => Oracle.Tolerance(type);

    public void Dispose()
    {
        _scope.Dispose();
        GC.SuppressFinalize(this);
    }
}
