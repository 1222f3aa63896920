using TorchSharp;

namespace ModelCompiler.Runtime;

/// <summary>
/// Scalars that are never collected. TorchSharp makes one for each number in a call and frees it in its finalizer, which may run while libtorch still
/// reads it if other code allocates much: adding to a sum among such code names one of these.
/// </summary>
internal static class HeldScalars
{
    public static readonly Scalar One = 1;

    public static readonly Scalar MinusOne = -1;
}
