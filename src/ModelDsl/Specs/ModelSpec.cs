namespace ModelCompiler.ModelDsl;

/// <summary>A declared model: what the user wrote, with every default filled in. Structurally equal, without positions.</summary>
public sealed record ModelSpec
{
    [Key("model", "Name of the model and of the generated C# class.", Required = true)]
    public string Model { get; init; } = "";

    [Key("namespace", "C# namespace of the generated class; the project's root namespace if not given.")]
    public string? Namespace { get; init; }

    [Key("architecture", "The layers of the model: a family with its options, or blocks in the layer language.", Required = true)]
    public ArchitectureSpec Architecture { get; init; } = new();

    [Key("efficiency", "The techniques that make training and inference cheaper.")]
    public EfficiencySpec Efficiency { get; init; } = new();

    [Key("training", "Batch, steps, optimizer and data.")]
    public TrainingSpec Training { get; init; } = new();

    [Key("export", "What the exported model is to be.")]
    public ExportSpec Export { get; init; } = new();

    [Key("limits", "What the model may cost; the build fails where it costs more.")]
    public LimitsSpec Limits { get; init; } = new();
}
