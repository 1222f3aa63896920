namespace ModelCompiler.ModelDsl;

/// <summary>Gradient checkpointing (Chen et al. 2016): exactly one of the keys is given.</summary>
[Shorthand("layers")]
public sealed record CheckpointSpec
{
    [Key("layers", "all: every block is a segment; sqrt: segments of about the root of the number of blocks.")]
    public CheckpointLayers? Layers { get; init; }

    [Key("boundaries", "Blocks at which a new segment starts: only the inputs of segments are kept. E.g. [blocks.2, blocks.4].")]
    public EquatableArray<string> Boundaries { get; init; }

    [Key("every", "A new segment starts at each n-th block.", Min = 1, Max = 1024)]
    public int? Every { get; init; }

    [Key("save", "What a block keeps besides its input, by the names of its layers or values; all else is computed again. E.g. [attention].")]
    public EquatableArray<string> Save { get; init; }

    [Key("budget", "Most bytes of activations; the compiler recomputes as little as it can to fit. E.g. 512MiB.")]
    public ByteSize? Budget { get; init; }
}
