namespace ModelCompiler;

/// <summary>What the exported model is to be.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("export")]
public sealed class ExportAttribute : Attribute
{
    /// <summary>The graph has operators of the ONNX standard alone.</summary>
    public bool OpsetOnly { get; set; }
}
