using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// x [B, T, C] · weight [E, C]ᵀ → logits of experts, fp32 [B, T, E]. In fp32 whatever the compute type, because small differences decide
/// (Fedus et al. 2021, selective precision).
/// </summary>
public sealed class Router : Op
{
    public override string Name => "router";

    public override bool KeepsFullPrecision(int input) => input == 1;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (x, weight) = (inputs.Rank(0, 3), inputs.Rank(1, 2));
        inputs.Require(x.Last.Value == weight.Last.Value, "the widths of x and weight differ");
        inputs.Require(weight.DType == DType.F32, "the weight must be f32");
        return [x.WithLast(weight.Shape[0]).With(DType.F32)];
    }

    public override long Flops(Inputs inputs) => 2 * inputs[0].Rows * inputs[1].Elements;

    public override void Differentiate(GradientBuilder g) =>
        g.Emit("router_grad", Attributes.None, [g.OutputGradient, g.Input(0), g.Input(1), g.Prior(1)], 0, 1);

    public override KernelCall Lower(Inputs inputs) => new("Router", In(0), In(1), Out(0));

    public override OnnxCall? Export(Inputs inputs) => new("Router", In(0), In(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) => new Linear().Evaluate(inputs);
}

/// <summary>dlogits [B, T, E], x, weight, optional prior → dx, dweight fp32.</summary>
public sealed class RouterGrad : Op
{
    public override string Name => "router_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1], inputs[2].With(DType.F32)];

    public override long Flops(Inputs inputs) => 4 * inputs[1].Rows * inputs[2].Elements;

    public override KernelCall Lower(Inputs inputs) => new("RouterGrad", In(0), In(1), In(2), Accumulate(3), Out(0), Out(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
    [
        .. new LinearGradInput().Evaluate(ReferenceInputs.Of("linear_grad_input", inputs[0], inputs[2])),
        .. new LinearGradWeight().Evaluate(ReferenceInputs.Of("linear_grad_weight", inputs[0], inputs[1], inputs.Find(3))),
    ];
}
