using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// The output head and the loss in one, over some rows at a time, so that never more logits exist than those of a chunk:
/// x [B, T, C], weight [V, C], optional bias [V], targets [B, T], optional weights [B] → as <see cref="CrossEntropy"/> the loss
/// and that of each sequence, the chunk [rows, V] that it works in, and the accuracy if asked for. The attribute <c>rows</c> is at most B·T; the last chunk may have fewer.
/// </summary>
public sealed class LinearCrossEntropy : Op
{
    public override string Name => "linear_cross_entropy";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        Require(inputs, 3);
        var x = inputs[0];
        return [TensorType.Of(DType.F32), TensorType.Of(DType.F32, x.Shape[0]), Chunk(inputs), .. Accuracy(inputs)];
    }

    public override long Flops(Inputs inputs) => (2 * inputs[0].Rows * inputs[1].Elements) + (5 * inputs[0].Rows * inputs[1].Shape[0].Value);

    public override void Differentiate(GradientBuilder g)
    {
        string[] inputs = [g.Input(0), g.Input(1), g.Input(2), g.Input(3), g.Input(4), g.Prior(1), g.Prior(2)];
        int[] gradients = g.Attributes.Has(Frozen) ? [0] : g.Input(2).Length > 0 ? [0, 1, 2] : [0, 1];
        var results = Enumerable.Range(0, g.Attributes.Has("accuracy") ? 4 : 3).Select(i => Training(g.Output(i)));
        g.Emit("linear_cross_entropy_grad", g.Attributes, inputs, gradients, [.. results]);
    }

    /// <summary>The attribute of one whose weight and bias have no gradients.</summary>
    internal const string Frozen = "frozen";

    /// <summary>The name that a result of the loss has where the step calculates it along with the gradients.</summary>
    public static string Training(string value) => value + ".training";

    public override KernelCall Lower(Inputs inputs)
    {
        KernelArgument[] arguments = [In(0), In(1), In(2), In(3), In(4), Out(2), Out(0), Out(1)];
        return new("LinearCrossEntropy", inputs.Attributes.Has("accuracy") ? [.. arguments, Out(3)] : arguments);
    }

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (logits, loss) = Forward(inputs);
        return [loss[0], loss[1], ReferenceTensor.Zeros(inputs.Attributes.Long("rows"), logits.Last), .. loss.Skip(3)];
    }

    internal static void Require(Inputs inputs, int targets)
    {
        var (x, weight) = (inputs.Rank(0, 3), inputs.Rank(1, 2));
        inputs.Require(x.Last.Value == weight.Last.Value && x.DType == weight.DType, "the widths or types of x and weight differ");
        if (inputs.Has(2)) inputs.Require(inputs.Rank(2, 1).Last.Value == weight.Shape[0].Value, "the bias must have the weight's rows");
        inputs.Require(inputs.Rank(targets, 2).Elements == x.Rows, "targets must be int64[B, T]");
        inputs.Require(inputs.Attributes.Long("rows") is > 0 and var rows && rows <= x.Rows, "a chunk has 1 to B·T rows");
    }

    internal static TensorType Chunk(Inputs inputs) =>
        TensorType.Of(inputs[0].DType, Dim.Of(inputs.Attributes.Long("rows")), inputs[1].Shape[0]);

    internal static TensorType[] Accuracy(Inputs inputs) => inputs.Attributes.Has("accuracy") ? [TensorType.Of(DType.F32)] : [];

    /// <summary>The logits, and what cross_entropy gives of them.</summary>
    internal static (ReferenceTensor Logits, IReadOnlyList<ReferenceTensor> Loss) Forward(ReferenceInputs inputs)
    {
        var logits = new Linear().Evaluate(ReferenceInputs.Of("linear", inputs.Find(0), inputs.Find(1), inputs.Find(2)))[0];
        return (logits, new CrossEntropy().Evaluate(inputs.As("cross_entropy", logits, inputs.Find(3), inputs.Find(4))));
    }
}

/// <summary>
/// x, weight, optional bias, targets, optional weights, optional priors of the gradients of weight and bias → dx, dweight and, with
/// a bias, dbias; then what the forward op gives: a training step runs this op alone.
/// </summary>
public sealed class LinearCrossEntropyGrad : Op
{
    public override string Name => "linear_cross_entropy_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        LinearCrossEntropy.Require(inputs, 3);
        var (x, weight) = (inputs[0], inputs[1]);
        TensorType[] gradients = inputs.Attributes.Has(LinearCrossEntropy.Frozen) ? [x] : inputs.Has(2)
            ? [x, weight.With(DType.F32), TensorType.Of(DType.F32, weight.Shape[0])]
            : [x, weight.With(DType.F32)];
        return [.. gradients, TensorType.Of(DType.F32), TensorType.Of(DType.F32, x.Shape[0]), LinearCrossEntropy.Chunk(inputs), .. LinearCrossEntropy.Accuracy(inputs)];
    }

    public override bool InPlace(int input) => input == 0;

    public override long Flops(Inputs inputs) =>
        ((inputs.Attributes.Has(LinearCrossEntropy.Frozen) ? 4 : 6) * inputs[0].Rows * inputs[1].Elements) + (9 * inputs[0].Rows * inputs[1].Shape[0].Value);

    public override KernelCall Lower(Inputs inputs)
    {
        var frozen = inputs.Attributes.Has(LinearCrossEntropy.Frozen);
        var results = frozen ? 1 : inputs.Has(2) ? 3 : 2;
        KernelArgument[] arguments =
        [
            In(0), In(1), In(2), In(3), In(4), Accumulate(5), Out(results + 2), Out(0), frozen ? "null" : Out(1), results == 3 ? Out(2) : "null",
            Out(results), Out(results + 1),
        ];
        if (inputs.Attributes.Has("accuracy")) arguments = [.. arguments, Out(results + 3)];
        return new("LinearCrossEntropyGrad", inputs.Attributes.Has("scaled") ? [.. arguments, "LossGradient"] : arguments);
    }

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (logits, loss) = LinearCrossEntropy.Forward(inputs);
        var dLogits = new CrossEntropyGrad().Evaluate(ReferenceInputs.Of("cross_entropy_grad", logits, inputs.Find(3), loss[2], inputs.Find(4)))[0];
        var dx = new LinearGradInput().Evaluate(ReferenceInputs.Of("linear_grad_input", dLogits, inputs.Find(1)))[0];
        if (inputs.Attributes.Has(LinearCrossEntropy.Frozen))
            return [dx, loss[0], loss[1], ReferenceTensor.Zeros(inputs.Attributes.Long("rows"), logits.Last), .. loss.Skip(3)];
        var dw = new LinearGradWeight().Evaluate(ReferenceInputs.Of("linear_grad_weight", dLogits, inputs.Find(0), inputs.Find(5)))[0];
        var chunk = ReferenceTensor.Zeros(inputs.Attributes.Long("rows"), logits.Last);
        ReferenceTensor[] results = [loss[0], loss[1], chunk, .. loss.Skip(3)];
        if (!inputs.Has(2)) return [dx, dw, .. results];
        var db = new BiasGrad().Evaluate(ReferenceInputs.Of("bias_grad", dLogits, inputs.Find(6)))[0];
        return [dx, dw, db, .. results];
    }
}
