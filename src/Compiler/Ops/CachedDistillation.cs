using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// The teacher's k likeliest tokens i64 [B, T, k], and the logarithms of their probabilities at the temperature and of that of all others
/// together, f32 [B, T, k + 1]. The others are taken to be spread as the student spreads them, so that the divergence, and its gradient, is that
/// over k + 1 outcomes.
/// </summary>
public sealed class CachedDistillationGrad() : DistillationGrad(OpName, "CachedDistillationGrad")
{
    public const string OpName = "cached_distillation_grad";

    protected override DType CheckTeacher(Inputs inputs)
    {
        var (ids, logs) = (inputs.Rank(Teacher, 3), inputs.Rank(Teacher + 1, 3));
        inputs.Require(ids.DType == DType.I64 && ids.Rows == inputs[0].Rows, "the teacher's tokens must be int64, as many for each row");
        inputs.Require(logs.DType == DType.F32 && logs.Rows == ids.Rows && logs.Last.Value == ids.Last.Value + 1, "the teacher's logarithms must be one more for each row");
        inputs.Require(ids.Last.Value <= inputs[1].Shape[0].Value, "the teacher's tokens must be of the vocabulary");
        return DType.F32;
    }

    protected override KernelArgument[] TeacherArguments(Inputs inputs) => [In(Teacher), In(Teacher + 1)];

    protected override ReferenceTensor TeacherLogits(ReferenceInputs inputs, ReferenceTensor student)
    {
        var (ids, logs, temperature, v) = (inputs[Teacher], inputs[Teacher + 1], inputs.Attributes.Double("temperature"), student.Last);
        var (k, taught) = (ids.Last, student.Like());
        for (var r = 0; r < student.Rows; r++)
        {
            var q = LogSoftmax(student, r, temperature);
            var known = new Dictionary<int, double>();
            for (var i = 0; i < k; i++) known[(int)ids.Data[(r * k) + i]] = logs.Data[(r * (k + 1)) + i];
            var rest = Math.Log(Enumerable.Range(0, v).Where(j => !known.ContainsKey(j)).Sum(j => Math.Exp(q[j])));
            for (var j = 0; j < v; j++)
                taught.Data[(r * v) + j] = temperature * (known.TryGetValue(j, out var log) ? log : q[j] - rest + logs.Data[(r * (k + 1)) + k]);
        }
        return taught;
    }
}
