namespace ModelCompiler.ModelDsl;

/// <summary>A student that learns from a teacher's predictions beside the text (Hinton et al. 2015).</summary>
[Shorthand("teacher")]
public sealed record DistillationSpec
{
    [Key("teacher", "The declared model that is learned from; an imported checkpoint is one, with the declaration that the import wrote.", Required = true)]
    public string Teacher { get; init; } = "";

    [Key("checkpoint", "The teacher's weights: a safetensors file, or the folder of a run or of an import. Default: the folder of the teacher's name beside the run's.")]
    public string? Checkpoint { get; init; }

    [Key("precision", "Element type of the teacher's forward pass. Default: the teacher's own.")]
    public Precision? Precision { get; init; }

    [Key("divergence", "How far the student's predictions are from the teacher's.")]
    public DivergenceKind Divergence { get; init; } = DivergenceKind.ForwardKl;

    [Key("beta", "The teacher's share in the mixture that both are compared with.", Min = 0.01, Max = 0.99)]
    [OnlyWith("divergence", DivergenceKind.JensenShannon)]
    public double Beta { get; init; } = 0.5;

    [Key("temperature", "What the logits of both are divided by; the divergence is multiplied by its square.", Min = 0.1, Max = 100)]
    public double Temperature { get; init; } = 2;

    [Key("weight", "Share of the divergence in the loss; the rest is cross-entropy with the text.", Min = 0, Max = 1)]
    public double Weight { get; init; } = 0.5;

    [Key("initialize", "The layers of the teacher that the student's start as, e.g. [0, 2, 4]; what stands around the layers is copied too.")]
    public InitializeSpec? Initialize { get; init; }
}

/// <summary>The student's first values (Sanh et al. 2019).</summary>
[Shorthand("layers")]
public sealed record InitializeSpec
{
    [Key("layers", "For each layer of the student, the layer of the teacher that it starts as, from 0.", Required = true, Min = 0, Max = 4095)]
    public EquatableArray<int> Layers { get; init; }
}

/// <summary>How far the distribution of a student is from that of its teacher.</summary>
public enum DivergenceKind
{
    /// <summary>KL(teacher ‖ student): the student covers all that the teacher does (Hinton et al. 2015).</summary>
    ForwardKl,

    /// <summary>KL(student ‖ teacher): the student keeps to what the teacher finds likely (Gu et al. 2024).</summary>
    ReverseKl,

    /// <summary>β KL(teacher ‖ m) + (1 − β) KL(student ‖ m), m = β teacher + (1 − β) student (Agarwal et al. 2024).</summary>
    JensenShannon,
}
