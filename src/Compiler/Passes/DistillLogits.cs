using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Puts the divergence from the teacher's predictions into the gradient of the loss: where a chunk of the student's logits is in the
/// cache, so is then the teacher's. Evaluation keeps the plain loss. The teacher's values are free inputs of main, which the
/// program gives. Runs after Differentiate and ChunkLoss, whose joined loss it replaces.
/// Before: d_x, d_w, loss, .. = linear_cross_entropy_grad(x, w, ..). After: d_x, d_w, loss, .., divergence = linear_distillation_grad(x, w, .., teacher.hidden, teacher.head.weight); cached_distillation_grad(x, w, .., teacher.ids, teacher.logs) where its predictions are kept.
/// </summary>
public sealed class DistillLogits : Pass
{
    /// <summary>The divergence of a step, times the square of the temperature, f32[].</summary>
    public const string Divergence = "divergence";

    private const string Path = "training.distillation";

    public override Graph Run(Graph graph, ModelSpec spec)
    {
        if (graph.Teacher is not { } teacher) return graph;
        var (main, distillation) = (graph.Main, spec.Training.Distillation!);
        var loss = main.Nodes.LastOrDefault(n => n.Op == "linear_cross_entropy_grad")
            ?? throw new PassException(DiagnosticCatalog.DistillationConflict.At(Path,
                "the student's logits must come straight from a linear head; leave the head out of 'fp8' and of the adapters' 'targets'"));

        var values = Values(teacher);
        var attributes = loss.Attributes.With(Attributes.Of(
            ("divergence", distillation.Divergence.ToString()), ("temperature", distillation.Temperature), ("weight", distillation.Weight)));
        if (distillation.Divergence == DivergenceKind.JensenShannon) attributes = attributes.With("beta", distillation.Beta);
        if (distillation.Balance == BalanceKind.Normalized) attributes = attributes.With("balanced", true);
        if (teacher is { Softcap: > 0, TopK: 0 }) attributes = attributes.With("softcap", teacher.Softcap);
        var distilled = loss with
        {
            Op = teacher.TopK > 0 ? CachedDistillationGrad.OpName : LinearDistillationGrad.OpName,
            Inputs = loss.Inputs.Concat(values.Select(v => v.Name)).ToEquatableArray(),
            Outputs = loss.Outputs.Append(new Value(TeacherValues.Prefix + "logits.chunk")).Append(new Value(Divergence)).ToEquatableArray(),
            Attributes = attributes,
            Origin = Path,
        };
        main = main with { Inputs = main.Inputs.Concat(values).ToEquatableArray() };
        var types = main.Types();
        var typed = InferShapes.InferNodes(graph, [distilled], types).Single();
        return graph with
        {
            Main = main with
            {
                Nodes = main.Nodes.Select(n => n == loss ? typed : n).ToEquatableArray(),
                Outputs = main.Outputs.Append(Divergence).ToEquatableArray(),
            },
        };
    }

    private static List<Value> Values(TeacherValues teacher)
    {
        if (teacher.TopK > 0)
            return
            [
                new(TeacherValues.IdsName, teacher.Hidden.With(DType.I64).WithLast(Dim.Of(teacher.TopK))),
                new(TeacherValues.LogsName, teacher.Hidden.With(DType.F32).WithLast(Dim.Of(teacher.TopK + 1))),
            ];
        List<Value> values = [new(TeacherValues.HiddenName, teacher.Hidden), new(TeacherValues.HeadName, teacher.Head)];
        if (teacher.HasBias) values.Add(new(TeacherValues.BiasName, TensorType.Of(teacher.Head.DType, teacher.Head.Shape[0])));
        return values;
    }
}
