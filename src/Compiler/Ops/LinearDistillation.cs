using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>The teacher's x [B, T, C'], its head [V, C'] and optional bias [V]: its logits are calculated beside the student's.</summary>
public sealed class LinearDistillationGrad() : DistillationGrad(OpName, "LinearDistillationGrad")
{
    public const string OpName = "linear_distillation_grad";

    protected override DType CheckTeacher(Inputs inputs)
    {
        var (x, head) = (inputs.Rank(Teacher, 3), inputs.Rank(Teacher + 1, 2));
        inputs.Require(x.Rows == inputs[0].Rows, "teacher and student must see the same rows");
        inputs.Require(x.Last.Value == head.Last.Value && x.DType == head.DType, "the widths or types of the teacher's x and head differ");
        inputs.Require(head.Shape[0].Value == inputs[1].Shape[0].Value, "teacher and student must have the same vocabulary");
        if (inputs.Has(Teacher + 2)) inputs.Require(inputs.Rank(Teacher + 2, 1).Last.Value == head.Shape[0].Value, "the teacher's bias must have its head's rows");
        return x.DType;
    }

    protected override KernelArgument[] TeacherArguments(Inputs inputs) =>
        [In(Teacher), In(Teacher + 1), In(Teacher + 2), inputs.Attributes.Has("softcap") ? inputs.Attributes.Double("softcap") : 0.0];

    protected override ReferenceTensor TeacherLogits(ReferenceInputs inputs, ReferenceTensor student)
    {
        var logits = new Linear().Evaluate(ReferenceInputs.Of("linear", inputs.Find(Teacher), inputs.Find(Teacher + 1), inputs.Find(Teacher + 2)))[0];
        if (!inputs.Attributes.Has("softcap")) return logits;
        var cap = inputs.Attributes.Double("softcap");
        return logits with { Data = logits.Data.Select(u => cap * Math.Tanh(u / cap)).ToArray() };
    }
}
