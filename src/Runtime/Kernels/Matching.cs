using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

/// <summary>The heads of packed queries, keys and values, [N, (H + 2·Hkv)·D].</summary>
/// <param name="Heads">Of queries, H.</param>
/// <param name="KvHeads">Of keys and of values, Hkv.</param>
public readonly record struct PackedHeads(int Heads, int KvHeads);

/// <summary>Which relations between positions a student takes over from its teacher.</summary>
/// <param name="Kind">Of which vectors.</param>
/// <param name="Heads">Relation heads of <see cref="RelationKind.MinilmV2"/>.</param>
/// <param name="Causal">Whether a position stands in relation to itself and those before it only.</param>
/// <param name="Student">The student's heads.</param>
/// <param name="Teacher">The teacher's heads.</param>
public readonly record struct Relations(RelationKind Kind, int Heads, bool Causal, PackedHeads Student, PackedHeads Teacher);

/// <summary>A learned projection of a student's layer to the width of its teacher's.</summary>
/// <param name="Weight">fp32 [C', C]</param>
/// <param name="Gradient">fp32 [C', C]</param>
public sealed record LayerProjection(Tensor Weight, Tensor Gradient);

public static partial class Kernels
{
    /// <summary>
    /// Adds the gradient of a hidden-state loss to that which flows into a layer's output: the mean square of its difference, projected if
    /// the widths differ, from a layer of the teacher (Jiao et al. 2020, TinyBERT).
    /// </summary>
    /// <param name="dy">[N, C]: the gradient of the layer's output.</param>
    /// <param name="y">[N, C]: the output.</param>
    /// <param name="teacher">[N, C']: what the teacher's layer gives, in any element type.</param>
    /// <param name="projection">From C to C'; null for equal widths.</param>
    /// <param name="weight">What the loss counts in what is differentiated.</param>
    /// <param name="scale">The gradient of the whole loss.</param>
    /// <param name="accumulate">Add to the projection's gradient.</param>
    /// <param name="dx">[N, C]; may be dy.</param>
    /// <param name="sum">fp32 []: the mean square is added to it.</param>
    public static void HiddenLossGrad(
        Tensor dy, Tensor y, Tensor teacher, LayerProjection? projection, double weight, double scale, bool accumulate, Tensor dx, Tensor sum) =>
        AtenMatching.Hidden(dy, y, teacher, projection, weight * scale, accumulate, dx, sum);

    /// <summary>
    /// Adds the gradient of a relation loss to that of a layer's queries, keys and values: KL(teacher ‖ student) of how each position's
    /// scaled products with the others are distributed, a mean over relations, heads and positions (Wang et al. 2020, MiniLM; 2021, MiniLMv2).
    /// </summary>
    /// <param name="dy">[N, (H + 2·Hkv)·D]: the gradient of what attention reads.</param>
    /// <param name="x">[N, (H + 2·Hkv)·D]: what it reads.</param>
    /// <param name="teacher">[N, …]: the same of the teacher's layer; null for a layer without counterpart, whose gradient stays as it is.</param>
    /// <param name="relations">Which they are.</param>
    /// <param name="batch">Sequences, B.</param>
    /// <param name="sequence">Positions of each, T.</param>
    /// <param name="weight">What the loss counts in what is differentiated.</param>
    /// <param name="scale">The gradient of the whole loss.</param>
    /// <param name="dx">As dy; may be dy.</param>
    /// <param name="sum">fp32 []: the divergence is added to it.</param>
    public static void RelationLossGrad(
        Tensor dy, Tensor x, Tensor? teacher, in Relations relations, int batch, int sequence, double weight, double scale, Tensor dx, Tensor sum)
    {
        if (!Aten.Same(dy, dx)) dx.copy_(dy);
        if (teacher is not null) AtenMatching.Relations(dx, x, teacher, relations, batch, sequence, weight * scale, sum);
    }
}
