using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// logits [B, T, V], targets [B, T], optional weights [B] → the mean over sequences of weight times negative log-likelihood
/// in nats, fp32 []; the mean of each sequence without its weight, fp32 [B]; the log-sum-exp of each row, fp32 [B, T].
/// Statistics and sums are fp32 whatever the logits are. With the attribute <c>scaled</c> the program scales the gradient
/// of the loss: by LossGradient.
/// </summary>
public sealed class CrossEntropy : Op
{
    public override string Name => "cross_entropy";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (logits, targets) = (inputs.Rank(0, 3), inputs.Rank(1, 2));
        inputs.Require(targets.DType == DType.I64 && targets.Elements == logits.Rows, "targets must be int64[B, T]");
        if (inputs.Has(2)) inputs.Require(inputs.Rank(2, 1).Elements == logits.Shape[0].Value, "weights must be f32[B]");
        return [TensorType.Of(DType.F32), TensorType.Of(DType.F32, logits.Shape[0]), TensorType.Of(DType.F32, logits.Shape[0], logits.Shape[1])];
    }

    public override long Flops(Inputs inputs) => 5 * inputs[0].Elements;

    /// <summary>The loss is what a program differentiates: its own gradient is one.</summary>
    public override void Differentiate(GradientBuilder g) =>
        g.Emit("cross_entropy_grad", g.Attributes, [g.Input(0), g.Input(1), g.Output(2), g.Input(2)], 0);

    public override KernelCall Lower(Inputs inputs) => new("CrossEntropy", In(0), In(1), In(2), Out(0), Out(1), Out(2));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (logits, targets) = (inputs[0], inputs[1]);
        var (v, batch) = (logits.Last, (int)logits.Shape[0]);
        var (lse, losses, loss) = (ReferenceTensor.Zeros(targets.Shape), ReferenceTensor.Zeros(batch), 0.0);
        for (var r = 0; r < logits.Rows; r++)
        {
            var row = logits.Data.Skip(r * v).Take(v).ToArray();
            lse.Data[r] = row.Max() + Math.Log(row.Sum(x => Math.Exp(x - row.Max())));
            var (sequence, nats) = (r * batch / logits.Rows, lse.Data[r] - row[(int)targets.Data[r]]);
            losses.Data[sequence] += nats * batch / logits.Rows;
            loss += nats * Weight(inputs, 2, sequence) / logits.Rows;
        }
        return [new([loss], []), losses, lse];
    }

    internal static double Weight(ReferenceInputs inputs, int index, int sequence) => inputs.Has(index) ? inputs[index].Data[sequence] : 1;
}

/// <summary>logits, targets, lse, optional weights → dlogits = (softmax − one-hot) · weight / N.</summary>
public sealed class CrossEntropyGrad : Op
{
    public override string Name => "cross_entropy_grad";

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0]];

    public override long Flops(Inputs inputs) => 4 * inputs[0].Elements;

    public override KernelCall Lower(Inputs inputs) => inputs.Attributes.Has("scaled")
        ? new("CrossEntropyGrad", In(0), In(1), In(2), In(3), Out(0), "LossGradient")
        : new("CrossEntropyGrad", In(0), In(1), In(2), In(3), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (logits, targets, lse) = (inputs[0], inputs[1], inputs[2]);
        var (v, batch) = (logits.Last, (int)logits.Shape[0]);
        return
        [
            logits with
            {
                Data = logits.Data
                    .Select((x, i) => (Math.Exp(x - lse.Data[i / v]) - (i % v == (int)targets.Data[i / v] ? 1 : 0))
                        * CrossEntropy.Weight(inputs, 3, i / v * batch / logits.Rows) / logits.Rows)
                    .ToArray(),
            },
        ];
    }
}
