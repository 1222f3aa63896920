namespace ModelCompiler.Compiler.Graphs;

/// <summary>What the loss of a student reads of its teacher: free inputs of its program.</summary>
/// <param name="Hidden">The type of the vectors before the teacher's head, [B, T, C].</param>
/// <param name="Head">The type of its head's matrix, [V, C].</param>
/// <param name="HasBias">Whether the head has a bias [V].</param>
/// <param name="Softcap">The bound of its logits; 0 for none.</param>
public sealed record TeacherValues(TensorType Hidden, TensorType Head, bool HasBias, double Softcap)
{
    /// <summary>How the names of these inputs begin.</summary>
    public const string Prefix = "teacher.";

    public const string HiddenName = Prefix + "hidden";

    public const string HeadName = Prefix + "head.weight";

    public const string BiasName = Prefix + "head.bias";
}
