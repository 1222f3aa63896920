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

    [Key("hidden", "The outputs of the layers are compared too: the mean square of their difference, summed over the layers, projected where widths differ.")]
    public HiddenLossSpec? Hidden { get; init; }

    [Key("relations", "How the positions of the last layer stand to each other is compared too.")]
    public RelationLossSpec? Relations { get; init; }

    [Key("layers", "For each layer of the student, the layer of the teacher that it is compared with, from 0. Default: evenly, the last with the last.", Min = 0, Max = 4095)]
    public EquatableArray<int> Layers { get; init; }

    [Key("balance", "What the terms of the loss beside cross-entropy are multiplied by besides their weights.")]
    public BalanceKind Balance { get; init; } = BalanceKind.Fixed;

    [Key("cache", "The teacher runs once, before the first step; its likeliest tokens are kept on disk, and later runs with the same text and seed read them.")]
    public TeacherCacheSpec? Cache { get; init; }

    [Key("on-policy", "Sequences that the student continues itself, for its teacher to judge.")]
    public OnPolicySpec? OnPolicy { get; init; }

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

/// <summary>Hidden states (Romero et al. 2015; Jiao et al. 2020).</summary>
[Shorthand("weight")]
public sealed record HiddenLossSpec
{
    [Key("weight", "What it counts beside the other losses.", Min = 0, Max = 1_000_000)]
    public double Weight { get; init; } = 1;
}

/// <summary>Relations between positions (Wang et al. 2020, 2021).</summary>
[Shorthand("kind")]
public sealed record RelationLossSpec
{
    [Key("kind", "Which relations.")]
    public RelationKind Kind { get; init; } = RelationKind.MinilmV2;

    [Key("heads", "Relation heads, which the widths of queries and of keys are divided into.", Min = 1, Max = 1024)]
    [OnlyWith("kind", RelationKind.MinilmV2)]
    public int Heads { get; init; } = 1;

    [Key("weight", "What it counts beside the other losses.", Min = 0, Max = 1_000_000)]
    public double Weight { get; init; } = 1;
}

/// <summary>The teacher's predictions on disk.</summary>
[Shorthand("top-k")]
public sealed record TeacherCacheSpec
{
    [Key("top-k", "Tokens that are kept for each position; the mass of all others is one number.", Min = 1, Max = 65_536)]
    public int TopK { get; init; } = 64;
}

/// <summary>Generalized knowledge distillation (Agarwal et al. 2024).</summary>
[Shorthand("share")]
public sealed record OnPolicySpec
{
    [Key("share", "Share of the sequences of a step that the student continues.", Min = 0.01, Max = 1)]
    public double Share { get; init; } = 0.5;

    [Key("every", "Steps from one with such sequences to the next.", Min = 1, Max = 1_000_000)]
    public int Every { get; init; } = 1;

    [Key("prompt", "Tokens of the text that they begin with. Default: a quarter of the sequence.", Min = 1, Max = 1_048_576)]
    public int? Prompt { get; init; }

    [Key("temperature", "Of the drawing.", Min = 0, Max = 10)]
    public double Temperature { get; init; } = 1;
}

/// <summary>Which relations between positions a student takes over.</summary>
public enum RelationKind
{
    /// <summary>Attention distributions, head by head, and relations of values (MiniLM, Wang et al. 2020).</summary>
    Minilm,

    /// <summary>Relations of queries, of keys and of values, in as many heads as are declared (MiniLMv2, Wang et al. 2021).</summary>
    MinilmV2,
}

/// <summary>How the terms of the loss are balanced.</summary>
public enum BalanceKind
{
    /// <summary>By their weights alone.</summary>
    Fixed,

    /// <summary>Each is multiplied by the running mean of the cross-entropy over its own: a weight of 1 makes it count as much.</summary>
    Normalized,
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
