using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// logits [B, T, V], targets [B, T] → the mean negative log-likelihood in nats, fp32 [], and the log-sum-exp of each
/// row, fp32 [B, T]. Statistics and sums are fp32 whatever the logits are.
/// </summary>
public sealed class CrossEntropy : Op
{
    public override string Name => "cross_entropy";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (logits, targets) = (inputs.Rank(0, 3), inputs.Rank(1, 2));
        inputs.Require(targets.DType == DType.I64 && targets.Elements == logits.Rows, "targets must be int64[B, T]");
        return [TensorType.Of(DType.F32), TensorType.Of(DType.F32, logits.Shape[0], logits.Shape[1])];
    }

    public override long Flops(Inputs inputs) => 5 * inputs[0].Elements;

    /// <summary>The loss is what a program differentiates: its own gradient is one.</summary>
    public override void Differentiate(GradientBuilder g) =>
        g.Emit("cross_entropy_grad", Attributes.None, [g.Input(0), g.Input(1), g.Output(1)], 0);

    public override KernelCall Lower(Inputs inputs) => new("CrossEntropy", In(0), In(1), Out(0), Out(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (logits, targets) = (inputs[0], inputs[1]);
        var (v, lse, loss) = (logits.Last, ReferenceTensor.Zeros(targets.Shape), 0.0);
        for (var r = 0; r < logits.Rows; r++)
        {
            var row = logits.Data.Skip(r * v).Take(v).ToArray();
            lse.Data[r] = row.Max() + Math.Log(row.Sum(x => Math.Exp(x - row.Max())));
            loss += (lse.Data[r] - row[(int)targets.Data[r]]) / logits.Rows;
        }
        return [new([loss], []), lse];
    }
}

/// <summary>logits, targets, lse → dlogits = (softmax − one-hot) / N.</summary>
public sealed class CrossEntropyGrad : Op
{
    public override string Name => "cross_entropy_grad";

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0]];

    public override long Flops(Inputs inputs) => 4 * inputs[0].Elements;

    public override KernelCall Lower(Inputs inputs) => new("CrossEntropyGrad", In(0), In(1), In(2), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (logits, targets, lse) = (inputs[0], inputs[1], inputs[2]);
        var v = logits.Last;
        return
        [
            logits with
            {
                Data = logits.Data
                    .Select((x, i) => (Math.Exp(x - lse.Data[i / v]) - (i % v == (int)targets.Data[i / v] ? 1 : 0)) / logits.Rows)
                    .ToArray(),
            },
        ];
    }
}
