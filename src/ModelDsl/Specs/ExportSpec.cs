namespace ModelCompiler.ModelDsl;

/// <summary>What the exported model is to be.</summary>
public sealed record ExportSpec
{
    [Key("opset-only", "The graph has operators of the ONNX standard alone, for other runtimes than ONNX Runtime; slower in it.")]
    public bool OpsetOnly { get; init; }
}
