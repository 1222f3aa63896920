using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Graphs;

/// <summary>Where the values of a forward pass lie: scratch, and behind it what is kept when it is over.</summary>
/// <param name="Main">Values of main, from the start of the scratch.</param>
/// <param name="Blocks">The buffers of the repeated blocks.</param>
/// <param name="Kept">What main returns, from the start of what is kept.</param>
public sealed record ForwardPlan(
    EquatableArray<Placement> Main, EquatableArray<ForwardBlock> Blocks, EquatableArray<Placement> Kept, long ScratchBytes, long KeptBytes)
{
    /// <summary>The outputs of layers that are kept, by layer, from the start of what is kept.</summary>
    public EquatableArray<KeptLayer> Layers { get; init; }

    /// <summary>Where what a layer's attention reads is kept; null where it is not.</summary>
    public long? Packed { get; init; }
}

/// <summary>Where the output of a layer is kept.</summary>
public sealed record KeptLayer(int Layer, long Offset);

/// <summary>The buffers of a repeated block, from the start of the scratch: values that all layers share, and two for what goes from layer to layer.</summary>
public sealed record ForwardBlock(string Block, EquatableArray<Placement> Scratch, long ScratchOffset, long StreamOffset, long CarryBytes);
