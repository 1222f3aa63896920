using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Native;

/// <summary>
/// Whether products of half precision on the CPU are calculated in fp32 and rounded: libtorch's own are 10 to 30 times slower where
/// the processor has no instructions for them. For fp16 always; for bf16 a measurement decides, once for a machine.
/// </summary>
internal static class HalfProducts
{
    private const int Rows = 128, Width = 256;

    private static readonly string[] s_candidates = ["libtorch", "fp32"];

    private static readonly Lazy<bool> s_bf16 = new(MeasureBf16);

    public static bool Widen(ScalarType type) => type == ScalarType.Float16 || (type == ScalarType.BFloat16 && s_bf16.Value);

    private static bool MeasureBf16()
    {
        using var scope = NewDisposeScope();
        var (a, b, output) = (ones([Rows, Width], ScalarType.BFloat16), ones([Width, Width], ScalarType.BFloat16), empty([Rows, Width], ScalarType.BFloat16));
        var @case = FormattableString.Invariant($"products {ScalarType.BFloat16}, {get_num_threads()} threads");
        return Lowerings.Default.Choose(@case, s_candidates, candidate =>
        {
            if (candidate == 1) MatrixProducts.Widened(output.Handle, 0, a.Handle, b.Handle, 0, 1);
            else MatrixProducts.Native(output.Handle, a.Handle, b.Handle);
        }) == 1;
    }
}
