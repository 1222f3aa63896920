namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// A call of <c>ModelCompiler.Runtime.Onnx.OnnxGraph</c>: how an op is written into an ONNX graph. Its first argument, the name of the
/// node's output, is the emitter's; inputs and parameters follow, then attributes.
/// </summary>
public sealed record OnnxCall(string Method, params KernelArgument[] Arguments)
{
    /// <summary>How many of the node's outputs, from the first, it gives.</summary>
    public int Results { get; init; } = 1;
}
