using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// logits [.., V], targets [..], optional weights [B] → the mean of weight times negative log-likelihood over the rows that
/// count, in nats, fp32 []; the mean of each sequence without its weight, fp32 [B]; the log-sum-exp of each row, fp32 [..]; and
/// with the attribute <c>accuracy</c> the share of rows whose target has the largest logit, fp32 []. A row of negative target
/// does not count. Statistics and sums are fp32 whatever the logits are. With the attribute <c>scaled</c> the program scales
/// the gradient of the loss: by LossGradient.
/// </summary>
public sealed class CrossEntropy : Op
{
    public override string Name => "cross_entropy";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (logits, targets) = (inputs[0], inputs[1]);
        inputs.Require(targets.DType == DType.I64 && targets.Elements == logits.Rows, "targets must be int64, one for each row of the logits");
        if (inputs.Has(2)) inputs.Require(inputs.Rank(2, 1).Elements == logits.Shape[0].Value, "weights must be f32[B]");
        var scalar = TensorType.Of(DType.F32);
        return
        [
            scalar, TensorType.Of(DType.F32, logits.Shape[0]), TensorType.Of(DType.F32, [.. logits.Shape.Take(logits.Shape.Count - 1)]),
            .. LinearCrossEntropy.Accuracy(inputs),
        ];
    }

    public override long Flops(Inputs inputs) => 5 * inputs[0].Elements;

    /// <summary>The loss is what a program differentiates: its own gradient is one.</summary>
    public override void Differentiate(GradientBuilder g) =>
        g.Emit("cross_entropy_grad", g.Attributes, [g.Input(0), g.Input(1), g.Output(2), g.Input(2)], 0);

    /// <summary>The loss itself is not asked for its tangent, only its gradient.</summary>
    public override void Linearize(TangentBuilder tangent)
    {
    }

    public override KernelCall Lower(Inputs inputs) => inputs.Attributes.Has("accuracy")
        ? new("CrossEntropy", In(0), In(1), In(2), Out(0), Out(1), Out(2), Out(3))
        : new("CrossEntropy", In(0), In(1), In(2), Out(0), Out(1), Out(2));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (logits, targets) = (inputs[0], inputs[1]);
        var (v, batch, counted) = (logits.Last, (int)logits.Shape[0], Counted(targets));
        var (lse, losses, loss, hits) = (ReferenceTensor.Zeros(targets.Shape), ReferenceTensor.Zeros(batch), 0.0, 0.0);
        var bySequence = Enumerable.Range(0, batch).Select(b => targets.Data.Where((t, r) => r * batch / logits.Rows == b && t >= 0).Count()).ToArray();
        for (var r = 0; r < logits.Rows; r++)
        {
            var row = logits.Data.Skip(r * v).Take(v).ToArray();
            lse.Data[r] = row.Max() + Math.Log(row.Sum(x => Math.Exp(x - row.Max())));
            if (targets.Data[r] < 0) continue;
            var (sequence, nats) = (r * batch / logits.Rows, lse.Data[r] - row[(int)targets.Data[r]]);
            losses.Data[sequence] += nats / bySequence[sequence];
            loss += nats * Weight(inputs, 2, sequence) / counted;
            if (row[(int)targets.Data[r]] == row.Max()) hits++;
        }
        ReferenceTensor[] accuracy = inputs.Attributes.Has("accuracy") ? [new([hits / counted], [])] : [];
        return [new([loss], []), losses, lse, .. accuracy];
    }

    internal static double Weight(ReferenceInputs inputs, int index, int sequence) => inputs.Has(index) ? inputs[index].Data[sequence] : 1;

    /// <summary>The number of rows that count.</summary>
    internal static int Counted(ReferenceTensor targets) => Math.Max(1, targets.Data.Count(t => t >= 0));
}

/// <summary>logits, targets, lse, optional weights → dlogits = (softmax − one-hot) · weight / rows that count; zero for the others.</summary>
public sealed class CrossEntropyGrad : Op
{
    public override string Name => "cross_entropy_grad";

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0]];

    public override long Flops(Inputs inputs) => 4 * inputs[0].Elements;

    public override void Linearize(TangentBuilder t) =>
        t.Emit(0, CrossEntropyGradTangent.OpName, Attributes.None, t.Tangent(0), t.Input(0), t.Input(1), t.Input(2), t.Input(3));

    public override KernelCall Lower(Inputs inputs) => inputs.Attributes.Has("scaled")
        ? new("CrossEntropyGrad", In(0), In(1), In(2), In(3), Out(0), "LossGradient")
        : new("CrossEntropyGrad", In(0), In(1), In(2), In(3), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (logits, targets, lse) = (inputs[0], inputs[1], inputs[2]);
        var (v, batch, counted) = (logits.Last, (int)logits.Shape[0], CrossEntropy.Counted(targets));
        return
        [
            logits with
            {
                Data = logits.Data
                    .Select((x, i) => targets.Data[i / v] < 0 ? 0 : (Math.Exp(x - lse.Data[i / v]) - (i % v == (int)targets.Data[i / v] ? 1 : 0))
                        * CrossEntropy.Weight(inputs, 3, i / v * batch / logits.Rows) / counted)
                    .ToArray(),
            },
        ];
    }
}

/// <summary>
/// The tangent of <see cref="CrossEntropyGrad"/>: that of the logits, logits, targets, lse, optional weights → P ∘ (dlogits − Σ P ∘ dlogits)
/// · weight / rows that count, P = softmax; zero for the others.
/// </summary>
public sealed class CrossEntropyGradTangent : Op
{
    public const string OpName = "cross_entropy_grad_tangent";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1]];

    public override long Flops(Inputs inputs) => 8 * inputs[0].Elements;

    public override KernelCall Lower(Inputs inputs) => new("CrossEntropyGradTangent", In(0), In(1), In(2), In(3), In(4), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dLogits, logits, targets, lse) = (inputs[0], inputs[1], inputs[2], inputs[3]);
        var (v, batch, counted, result) = (logits.Last, (int)logits.Shape[0], CrossEntropy.Counted(targets), logits.Like());
        for (var r = 0; r < logits.Rows; r++)
        {
            if (targets.Data[r] < 0) continue;
            var row = Enumerable.Range(r * v, v).ToArray();
            var mean = row.Sum(i => Math.Exp(logits.Data[i] - lse.Data[r]) * dLogits.Data[i]);
            foreach (var i in row)
                result.Data[i] = Math.Exp(logits.Data[i] - lse.Data[r]) * (dLogits.Data[i] - mean)
                    * CrossEntropy.Weight(inputs, 4, r * batch / logits.Rows) / counted;
        }
        return [result];
    }
}
