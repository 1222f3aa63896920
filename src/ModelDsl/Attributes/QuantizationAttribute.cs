using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>Fewer bits for the weights of linear layers in the exported model.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("efficiency.quantization")]
public sealed class QuantizationAttribute : Attribute
{
    public WeightType Weights { get; set; }

    public int Group { get; set; }

    public RoundingMethod Method { get; set; }

    public string[] Keep { get; set; } = [];
}
