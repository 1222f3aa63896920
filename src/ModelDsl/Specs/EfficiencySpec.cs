namespace ModelCompiler.ModelDsl;

public sealed record EfficiencySpec
{
    [Key("precision", "Element types of the compute graph and of the master weights.")]
    public PrecisionSpec Precision { get; init; } = new();

    [Key("checkpoint", "Activations that are recomputed in the backward pass instead of kept.")]
    public CheckpointSpec? Checkpoint { get; init; }

    [Key("adapt", "Low-rank adapters (LoRA) are trained, and all else is frozen.")]
    public AdaptSpec? Adapt { get; init; }

    [Key("token-drop", "Training steps whose middle layers see a random part of the tokens, more and more of them.")]
    public TokenDropSpec? TokenDrop { get; init; }

    [Key("pruning", "Weights that are removed during training and stay zero: a share of them, or a mapping.")]
    public PruningSpec? Pruning { get; init; }

    [Key("quantization", "Fewer bits for the weights of the exported model.")]
    public QuantizationSpec? Quantization { get; init; }

    [Key("speculate", "A smaller model that proposes tokens while this one generates.")]
    public SpeculateSpec? Speculate { get; init; }
}
