using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// logits [B, T, V], targets [B, T], log-sum-exp of the rows [B, T] → the mean over each sequence's tokens of the Euclidean
/// norm of softmax minus one-hot, fp32 [B]: the EL2N score (Paul et al. 2021). Nothing is differentiated through it.
/// </summary>
public sealed class ErrorNorm : Op
{
    public const string OpName = "error_norm";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [TensorType.Of(DType.F32, inputs.Rank(0, 3).Shape[0])];

    public override long Flops(Inputs inputs) => 5 * inputs[0].Elements;

    public override KernelCall Lower(Inputs inputs) => new("ErrorNorm", In(0), In(1), In(2), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (logits, targets, lse) = (inputs[0], inputs[1], inputs[2]);
        var (v, batch) = (logits.Last, (int)logits.Shape[0]);
        var errors = ReferenceTensor.Zeros(batch);
        for (var r = 0; r < logits.Rows; r++)
        {
            var squares = Enumerable.Range(0, v).Sum(i => Math.Pow(Math.Exp(logits.Data[(r * v) + i] - lse.Data[r]) - (i == (int)targets.Data[r] ? 1 : 0), 2));
            errors.Data[r * batch / logits.Rows] += Math.Sqrt(squares) * batch / logits.Rows;
        }
        return [errors];
    }
}
