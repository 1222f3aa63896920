using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Distillation;

/// <summary>A teacher's forward pass over the batches of its student, up to what its head reads.</summary>
/// <param name="Model">The teacher; its graphs are the forward pass, whose main returns the vectors before the head.</param>
/// <param name="Values">What the student's loss reads of it.</param>
/// <param name="Plan">Where its values lie.</param>
/// <param name="ForwardFlops">Of a batch, head and all.</param>
public sealed record TeacherProgram(CompiledModel Model, TeacherValues Values, ForwardPlan Plan, long ForwardFlops)
{
    public string Name => Model.Spec.Model;

    public Graph Graph => Model.Training;

    /// <summary>The parameter that is its head's matrix.</summary>
    public string Head { get; init; } = "";

    /// <summary>The parameter that is its head's bias; null for none.</summary>
    public string? HeadBias { get; init; }

    /// <summary>What the student's layers are compared with; null where only predictions are.</summary>
    public TeacherSites? Sites { get; init; }

    /// <summary>Whether its predictions are kept on disk, so that no step holds the teacher.</summary>
    public bool IsCached => Values.TopK > 0;

    /// <summary>Bytes of the weights as the forward pass reads them.</summary>
    public long WeightBytes => Model.Layout.Slots.Sum(slot => slot.Parameter.Type.Bytes * slot.Sets);

    /// <summary>The generated class, which the generator finds.</summary>
    public string Class { get; init; } = "";

    /// <summary>The arena of a training step in which the teacher goes first: its scratch lies where the student's values come later.</summary>
    public long ArenaBytes(long student) => Values.ArenaBytes(student);

    /// <summary>Where in that arena the values begin that the student's loss reads.</summary>
    public long KeptOffset(long student) => IsCached ? Plan.ScratchBytes : Math.Max(student, Plan.ScratchBytes);
}

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
