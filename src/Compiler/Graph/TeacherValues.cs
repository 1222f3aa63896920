namespace ModelCompiler.Compiler.Graphs;

/// <summary>What the loss of a student reads of its teacher: free inputs of its program.</summary>
/// <param name="Hidden">The type of the vectors before the teacher's head, [B, T, C].</param>
/// <param name="Head">The type of its head's matrix, [V, C].</param>
/// <param name="HasBias">Whether the head has a bias [V].</param>
/// <param name="Softcap">The bound of its logits; 0 for none.</param>
public sealed record TeacherValues(TensorType Hidden, TensorType Head, bool HasBias, double Softcap)
{
    /// <summary>Tokens of each position that are kept in place of the vectors; 0 where the teacher runs beside its student.</summary>
    public int TopK { get; init; }

    /// <summary>Bytes that its forward pass needs before the student's: the student's values come to lie there.</summary>
    public long ScratchBytes { get; init; }

    /// <summary>Bytes that it leaves to the student's loss.</summary>
    public long KeptBytes { get; init; }

    /// <summary>The arena of a training step in which the teacher goes first, for a student that needs so many bytes by itself.</summary>
    public long ArenaBytes(long student) => Math.Max(student, ScratchBytes) + KeptBytes;

    /// <summary>The teacher's layers, where the student's are compared with them.</summary>
    public TeacherLayers? Layers { get; init; }

    /// <summary>How the names of these inputs begin.</summary>
    public const string Prefix = "teacher.";

    public const string HiddenName = Prefix + "hidden";

    public const string HeadName = Prefix + "head.weight";

    public const string BiasName = Prefix + "head.bias";

    public const string IdsName = Prefix + "ids";

    public const string LogsName = Prefix + "logs";
}

/// <summary>The layers of a teacher.</summary>
/// <param name="Width">Of what goes from layer to layer.</param>
/// <param name="Heads">Of queries; 0 where no relations are compared.</param>
/// <param name="KvHeads">Of keys and values.</param>
public sealed record TeacherLayers(long Width, long Heads, long KvHeads);
