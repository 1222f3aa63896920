using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// As <see cref="LinearCrossEntropyGrad"/>, with the divergence of the student's distribution from its teacher's in the loss that is
/// differentiated: (1 − w) · cross-entropy + w · τ² · D, both at the rows that count, D at the temperature τ (Hinton et al. 2015; Agarwal et al.
/// 2024). Further inputs say what the teacher predicts. Further outputs: the chunk of its logits and τ² · D, fp32 []. The other outputs
/// are those of the plain loss, which is what a step reports.
/// </summary>
public abstract class DistillationGrad(string name, string kernel) : Op
{
    /// <summary>The index of the teacher's first value among the inputs.</summary>
    protected const int Teacher = 7;

    private static readonly LinearCrossEntropyGrad s_plain = new();

    public override string Name => name;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) =>
    [
        .. s_plain.Infer(inputs), TensorType.Of(CheckTeacher(inputs), Dim.Of(inputs.Attributes.Long("rows")), inputs[1].Shape[0]), TensorType.Of(DType.F32),
    ];

    public override bool InPlace(int input) => input == 0;

    /// <summary>The teacher's own product counts as the teacher's.</summary>
    public override long Flops(Inputs inputs) => s_plain.Flops(inputs) + (30 * inputs[0].Rows * inputs[1].Shape[0].Value);

    public override KernelCall Lower(Inputs inputs)
    {
        var attributes = inputs.Attributes;
        var (frozen, accuracy) = (attributes.Has(LinearCrossEntropy.Frozen), attributes.Has("accuracy"));
        var results = frozen ? 1 : inputs.Has(2) ? 3 : 2;
        var teacher = results + (accuracy ? 4 : 3);
        return new(
            kernel,
        [
            In(0), In(1), In(2), In(3), In(4), Accumulate(5), Out(results + 2), Out(0), frozen ? "null" : Out(1), results == 3 ? Out(2) : "null",
            Out(results), Out(results + 1), accuracy ? Out(results + 3) : "null",
            .. TeacherArguments(inputs), Out(teacher), Out(teacher + 1),
            Settings(attributes), attributes.Double("weight"), Balance(attributes, "Divergence"), Scale(attributes),
        ]);
    }

    /// <summary>The C# expression of what a term of the loss is multiplied by beside its weight.</summary>
    private static string Balance(Attributes attributes, string term) => attributes.Has("balanced") ? $"Distillation.Balance(LossTerm.{term})" : "1";

    /// <summary>The C# expression of a term's weight, balanced if it is to be.</summary>
    internal static string Weight(Attributes attributes, string term)
    {
        var weight = ((KernelArgument)attributes.Double("weight")).Text;
        return attributes.Has("balanced") ? $"{weight} * {Balance(attributes, term)}" : weight;
    }

    /// <summary>That of the gradient of the whole loss.</summary>
    internal static string Scale(Attributes attributes) => attributes.Has("scaled") ? "LossGradient" : "1";

    /// <summary>The C# expression of the divergence.</summary>
    private static string Settings(Attributes attributes) =>
        $"new(DivergenceKind.{attributes.String("divergence")}, {((KernelArgument)attributes.Double("temperature")).Text}"
        + (attributes.Has("beta") ? $", {((KernelArgument)attributes.Double("beta")).Text})" : ")");

    /// <summary>Checks the teacher's inputs.</summary>
    /// <returns>The element type of its logits.</returns>
    protected abstract DType CheckTeacher(Inputs inputs);

    protected abstract KernelArgument[] TeacherArguments(Inputs inputs);

    /// <summary>The teacher's logits [.., V], given the student's, or any that have the same softmax at the temperature.</summary>
    protected abstract ReferenceTensor TeacherLogits(ReferenceInputs inputs, ReferenceTensor student);

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (attributes, weight) = (inputs.Attributes, inputs.Attributes.Double("weight"));
        var (logits, loss) = LinearCrossEntropy.Forward(inputs);
        var plain = new CrossEntropyGrad().Evaluate(ReferenceInputs.Of("cross_entropy_grad", logits, inputs.Find(3), loss[2], inputs.Find(4)))[0];
        var (divergence, gradient) = Divergence(inputs, logits, TeacherLogits(inputs, logits));
        var dLogits = plain with { Data = plain.Data.Zip(gradient, (p, g) => ((1 - weight) * p) + (weight * g)).ToArray() };
        var chunk = ReferenceTensor.Zeros(attributes.Long("rows"), logits.Last);
        ReferenceTensor[] results = [loss[0], loss[1], chunk, .. loss.Skip(3), chunk, new([divergence], [])];
        var dx = new LinearGradInput().Evaluate(ReferenceInputs.Of("linear_grad_input", dLogits, inputs.Find(1)))[0];
        if (attributes.Has(LinearCrossEntropy.Frozen)) return [dx, .. results];
        var dw = new LinearGradWeight().Evaluate(ReferenceInputs.Of("linear_grad_weight", dLogits, inputs.Find(0), inputs.Find(5)))[0];
        if (!inputs.Has(2)) return [dx, dw, .. results];
        return [dx, dw, new BiasGrad().Evaluate(ReferenceInputs.Of("bias_grad", dLogits, inputs.Find(6)))[0], .. results];
    }

    /// <summary>τ² times the mean divergence of the rows that count, and its gradient by the logits.</summary>
    private static (double Value, double[] Gradient) Divergence(ReferenceInputs inputs, ReferenceTensor logits, ReferenceTensor taught)
    {
        var (targets, temperature, v) = (inputs[3], inputs.Attributes.Double("temperature"), logits.Last);
        var kind = (DivergenceKind)Enum.Parse(typeof(DivergenceKind), inputs.Attributes.String("divergence"));
        var beta = inputs.Attributes.Has("beta") ? inputs.Attributes.Double("beta") : 0;
        var (counted, batch, value, gradient) = (CrossEntropy.Counted(targets), (int)targets.Shape[0], 0.0, new double[logits.Data.Length]);
        for (var r = 0; r < logits.Rows; r++)
        {
            if (targets.Data[r] < 0) continue;
            var scale = CrossEntropy.Weight(inputs, 4, r * batch / logits.Rows) / counted;
            var (q, p) = (LogSoftmax(logits, r, temperature), LogSoftmax(taught, r, temperature));
            var m = q.Zip(p, (a, b) => Math.Log((beta * Math.Exp(b)) + ((1 - beta) * Math.Exp(a)))).ToArray();
            var towards = kind == DivergenceKind.JensenShannon ? m : p;
            var reverse = q.Zip(towards, (a, b) => Math.Exp(a) * (a - b)).Sum(); // KL(student ‖ teacher or mixture)
            var forward = p.Zip(kind == DivergenceKind.JensenShannon ? m : q, (a, b) => Math.Exp(a) * (a - b)).Sum();
            var share = kind == DivergenceKind.JensenShannon ? 1 - beta : 1;
            value += temperature * temperature * scale * kind switch
            {
                DivergenceKind.ForwardKl => forward,
                DivergenceKind.ReverseKl => reverse,
                _ => (beta * forward) + ((1 - beta) * reverse),
            };
            for (var j = 0; j < v; j++)
                gradient[(r * v) + j] = temperature * scale * (kind == DivergenceKind.ForwardKl
                    ? Math.Exp(q[j]) - Math.Exp(p[j])
                    : share * Math.Exp(q[j]) * (q[j] - towards[j] - reverse));
        }
        return (value, gradient);
    }

    protected static double[] LogSoftmax(ReferenceTensor logits, int row, double temperature)
    {
        var scores = logits.Data.Skip(row * logits.Last).Take(logits.Last).Select(x => x / temperature).ToArray();
        var max = scores.Max();
        var sum = max + Math.Log(scores.Sum(s => Math.Exp(s - max)));
        return scores.Select(s => s - sum).ToArray();
    }
}
