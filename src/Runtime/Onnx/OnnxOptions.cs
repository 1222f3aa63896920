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

    /// <summary>
    /// Whether weights are copied, when the model is opened, into the layout that products read fastest. Without, those of a model in fp32
    /// are mapped from its file: it opens in the time of reading the file and shares its memory with other processes, and is about a sixth slower.
    /// Quantized weights are always packed: their products would be many times slower.
    /// </summary>
    public bool Prepack { get; init; } = true;
}
