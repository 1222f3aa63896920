namespace ModelCompiler.Runtime.Onnx;

/// <summary>How ONNX Runtime runs a model.</summary>
public sealed record OnnxOptions
{
    /// <summary><c>cpu</c>, or <c>cuda</c> with the GPU package of ONNX Runtime (<c>ModelCompilerAccelerator</c>).</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Threads within an operator; 0 for one a core.</summary>
    public int Threads { get; init; }

    /// <summary>
    /// Whether threads spin while they wait for work: faster on an idle machine by up to a third, slower beside other busy processes.
    /// </summary>
    public bool Spin { get; init; } = true;
}
