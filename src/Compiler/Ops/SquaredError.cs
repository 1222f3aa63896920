using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// predicted, wanted [B, T, M] → the mean squared difference [], and that of each sequence [B]. Wanted numbers that are NaN do not count.
/// </summary>
public sealed class SquaredError : Op
{
    public const string OpName = "squared_error";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs[0].SameShape(inputs[1]), "as many numbers must be wanted as are predicted");
        return [TensorType.Of(DType.F32), TensorType.Of(DType.F32, inputs[0].Shape[0])];
    }

    public override long Flops(Inputs inputs) => 3 * inputs[0].Elements;

    public override void Differentiate(GradientBuilder g) => g.Emit(SquaredErrorGrad.OpName, Attributes.None, [g.Input(0), g.Input(1)], 0);

    /// <summary>The loss itself is not asked for its tangent, only its gradient.</summary>
    public override void Linearize(TangentBuilder tangent)
    {
    }

    public override KernelCall Lower(Inputs inputs) => new("SquaredError", In(0), In(1), Out(0), Out(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (predicted, wanted, batch) = (inputs[0].Data, inputs[1].Data, (int)inputs[0].Shape[0]);
        double Mean(IEnumerable<int> elements) => elements.Where(i => !double.IsNaN(wanted[i])).Select(i => Math.Pow(predicted[i] - wanted[i], 2)).DefaultIfEmpty(0).Average();
        var each = predicted.Length / batch;
        return
        [
            new([Mean(Enumerable.Range(0, predicted.Length))], []),
            new(Enumerable.Range(0, batch).Select(b => Mean(Enumerable.Range(b * each, each))).ToArray(), [batch]),
        ];
    }

    internal static int Counted(ReferenceTensor wanted) => Math.Max(1, wanted.Data.Count(v => !double.IsNaN(v)));
}

/// <summary>predicted, wanted → 2 · (predicted − wanted) / numbers that count; zero for the others.</summary>
public sealed class SquaredErrorGrad : Op
{
    public const string OpName = "squared_error_grad";

    public override string Name => OpName;

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0]];

    public override long Flops(Inputs inputs) => 2 * inputs[0].Elements;

    public override void Linearize(TangentBuilder t) => t.Emit(0, SquaredErrorGradTangent.OpName, Attributes.None, t.Tangent(0), t.Input(1));

    public override KernelCall Lower(Inputs inputs) => new("SquaredErrorGrad", In(0), In(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (predicted, wanted, counted) = (inputs[0], inputs[1].Data, SquaredError.Counted(inputs[1]));
        return [predicted with { Data = predicted.Data.Select((p, i) => double.IsNaN(wanted[i]) ? 0 : 2 * (p - wanted[i]) / counted).ToArray() }];
    }
}

/// <summary>The tangent of <see cref="SquaredErrorGrad"/>: that of the prediction, wanted → 2 · dpredicted / numbers that count; zero for the others.</summary>
public sealed class SquaredErrorGradTangent : Op
{
    public const string OpName = "squared_error_grad_tangent";

    public override string Name => OpName;

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0]];

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override KernelCall Lower(Inputs inputs) => new("SquaredErrorGradTangent", In(0), In(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (tangent, wanted, counted) = (inputs[0], inputs[1].Data, SquaredError.Counted(inputs[1]));
        return [tangent with { Data = tangent.Data.Select((d, i) => double.IsNaN(wanted[i]) ? 0 : 2 * d / counted).ToArray() }];
    }
}
