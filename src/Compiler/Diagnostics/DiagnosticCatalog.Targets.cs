namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    // The build reports the first three, without a reference to the compiler.
    public static readonly DiagnosticInfo NativeLibrary = Error(
        "MC4001", "Native library does not load", "TorchSharp's native library cannot be made to load on this Linux.");

    public static readonly DiagnosticInfo UnknownAccelerator = Error(
        "MC4002", "Unknown accelerator", "ModelCompilerAccelerator is neither cpu nor cuda.");

    public static readonly DiagnosticInfo NoCuda = Error(
        "MC4003", "No libtorch for CUDA", "ModelCompilerAccelerator is cuda, but no libtorch for CUDA is referenced.");

    public static readonly DiagnosticInfo InternalFailure = Error(
        "MC4999", "Compiler failure", "A fault of the compiler itself, which should be reported.");
}
