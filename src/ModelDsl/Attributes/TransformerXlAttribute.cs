using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>The Transformer-XL family: <c>architecture: { family: transformer-xl, ... }</c>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture", Entry = "family: transformer-xl")]
public sealed class TransformerXlAttribute : Attribute
{
    public int Vocabulary { get; set; }

    public int Context { get; set; }

    public int Width { get; set; }

    public int Layers { get; set; }

    public int Heads { get; set; }

    public int Memory { get; set; }

    public int EvaluationMemory { get; set; }

    public int ClampLength { get; set; }

    public bool SameLength { get; set; }

    public NormKind Norm { get; set; }

    public double NormEpsilon { get; set; }

    public bool Bias { get; set; }

    public bool TieEmbeddings { get; set; }

    public bool ScaleEmbeddings { get; set; }

    public bool HeadBias { get; set; }

    public double Dropout { get; set; }
}
