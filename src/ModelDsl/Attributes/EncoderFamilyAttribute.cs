using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>What the attributes of encoders have in common.</summary>
public abstract class EncoderFamilyAttribute : FamilyAttribute
{
    public NormPlacement NormPlacement { get; set; }

    public int EmbeddingWidth { get; set; }

    public int TokenTypes { get; set; }

    public int Classes { get; set; }

    public PoolingKind Pooling { get; set; }
}
