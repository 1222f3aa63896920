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
    /// Whether the weights of a model in fp32 are copied, when it is opened, into the layout that products read fastest: it then opens six times slower and
    /// takes its size in memory once more, and generates about a tenth faster, and reads prompts about a sixth faster. Otherwise they are mapped from the file.
    /// Quantized weights are always packed: their products would be many times slower.
    /// </summary>
    public bool Prepack { get; init; }
}
