using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>Fewer bits for the weights of linear layers in the exported model.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("efficiency.quantization")]
public sealed class QuantizationAttribute : Attribute
{
    public WeightType Weights { get; set; }

    public int Group { get; set; }

    public bool Symmetric { get; set; }

    public RoundingMethod Method { get; set; }

    public double Damping { get; set; }

    public bool ActivationOrder { get; set; }

    public double Smoothing { get; set; }

    public double From { get; set; }

    public ActivationRange Activations { get; set; }

    public PrefillType Prefill { get; set; }

    public EmbeddingType Embeddings { get; set; }

    public KvCacheType KvCache { get; set; }

    public string[] Int8 { get; set; } = [];

    public string[] Int4 { get; set; } = [];

    public string[] Keep { get; set; } = [];
}
