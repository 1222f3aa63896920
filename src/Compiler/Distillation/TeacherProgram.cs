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
    public long WeightBytes => Model.Layout.Bytes;

    /// <summary>The generated class, which the generator finds.</summary>
    public string Class { get; init; } = "";

    /// <summary>The arena of a training step in which the teacher goes first: its scratch lies where the student's values come later.</summary>
    public long ArenaBytes(long student) => Values.ArenaBytes(student);

    /// <summary>Where in that arena the values begin that the student's loss reads.</summary>
    public long KeptOffset(long student) => IsCached ? Plan.ScratchBytes : Math.Max(student, Plan.ScratchBytes);
}
