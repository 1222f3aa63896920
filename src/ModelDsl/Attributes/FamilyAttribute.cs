using ModelCompiler.ModelDsl;

namespace ModelCompiler;

/// <summary>What the attributes of families have in common.</summary>
public abstract class FamilyAttribute : Attribute
{
    public int Vocabulary { get; set; }

    public int Context { get; set; }

    public int Width { get; set; }

    public int Layers { get; set; }

    public int Heads { get; set; }

    public int KvHeads { get; set; }

    public int HeadSize { get; set; }

    public PositionKind Position { get; set; }

    public double RopeTheta { get; set; }

    public NormKind Norm { get; set; }

    public double NormEpsilon { get; set; }

    public bool Bias { get; set; }

    public bool AttentionBias { get; set; }

    public bool QkvBias { get; set; }

    public bool QkNorm { get; set; }

    public double AttentionSoftcap { get; set; }

    public double LogitSoftcap { get; set; }

    public bool TieEmbeddings { get; set; }

    public double Dropout { get; set; }
}
