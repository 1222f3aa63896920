using ModelCompiler.Runtime.Onnx.Linears;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>How the parts of a model stand in an ONNX graph; as they are where nothing is said.</summary>
internal sealed record OnnxForms
{
    public LinearForms Linears { get; init; } = LinearForms.Fp32;

    /// <summary>Whether the graph has operators of the ONNX standard alone.</summary>
    public bool IsStandard { get; init; }

    /// <summary>Whether some layers have another form for prompts.</summary>
    public bool TellsPrompts { get; init; }

    /// <summary>The scales of keys and values in 8 bits, by layer of attention; null for fp32.</summary>
    public IReadOnlyList<CacheScales>? Caches { get; init; }

    /// <summary>The form of embedding tables; null for fp32.</summary>
    public QuantizedTable? Embeddings { get; init; }
}
