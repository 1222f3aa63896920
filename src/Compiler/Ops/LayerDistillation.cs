using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// dy, y [B, T, C]: the gradient of a layer's output and the output → dy plus the gradient of the mean square of its difference from the layer
/// of the teacher that it stands beside, which the program knows by <c>layer</c>; a learned projection comes between where the widths differ
/// (Jiao et al. 2020). The reference has no teacher: it passes dy through.
/// </summary>
public sealed class HiddenLossGrad : Op
{
    public const string OpName = "hidden_loss_grad";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs[0].SameShape(inputs[1]), "the gradient must have the output's shape");
        return [inputs[0]];
    }

    public override bool InPlace(int input) => input == 0;

    public override long Flops(Inputs inputs) =>
        (6 * inputs[0].Elements) + (inputs.Attributes.Has("projected") ? 6 * inputs[0].Elements * inputs.Attributes.Long("projected") : 0);

    public override KernelCall Lower(Inputs inputs) => new(
        "HiddenLossGrad", In(0), In(1), "Teacher.HiddenOf(layer)", inputs.Attributes.Has("projected") ? "Distillation.Projection(layer)" : "null",
        DistillationGrad.Weight(inputs.Attributes, "Hidden"),
        DistillationGrad.Scale(inputs.Attributes), inputs.Attributes.Has("again") ? "Again" : "false", Out(0), "Distillation.HiddenLoss");

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) => [inputs[0]];
}

/// <summary>
/// dy, x [B, T, (H + 2·Hkv)·D]: the gradient of what attention reads and what it reads → in layer <c>layer</c>, dy plus the gradient of how
/// the relations between positions differ from the teacher's (Wang et al. 2020, 2021); in the others dy. The reference has no teacher: it
/// passes dy through.
/// </summary>
public sealed class RelationLossGrad : Op
{
    public const string OpName = "relation_loss_grad";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs[0].SameShape(inputs[1]), "the gradient must have the shape of what attention reads");
        return [inputs[0]];
    }

    public override bool InPlace(int input) => input == 0;

    /// <summary>One layer of them all has it.</summary>
    public override long Flops(Inputs inputs) => 12 * inputs[0].Elements * inputs[0].Shape[1].Value / inputs.Attributes.Long("layers");

    public override KernelCall Lower(Inputs inputs)
    {
        var a = inputs.Attributes;
        var relations = $"new(RelationKind.{a.String("kind")}, {a.Long("relation_heads")}, {(a.Bool("causal") ? "true" : "false")}, "
            + $"new({a.Long("heads")}, {a.Long("kv_heads")}), new({a.Long("teacher_heads")}, {a.Long("teacher_kv_heads")}))";
        return new(
            "RelationLossGrad", In(0), In(1), $"layer == {a.Long("layers") - 1} ? Teacher.Related : null", relations, "B", "T",
            DistillationGrad.Weight(a, "Relations"), DistillationGrad.Scale(a), Out(0), "Distillation.RelationLoss");
    }

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) => [inputs[0]];
}
