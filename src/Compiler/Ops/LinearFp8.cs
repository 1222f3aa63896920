using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// x [.., K] · weight [M, K]ᵀ with operands of 8 bits and a scale each: e4m3 forward, e5m2 for gradients (Micikevicius et al. 2022).
/// A bias is a node of its own.
/// </summary>
public sealed class LinearFp8 : Op
{
    private static readonly Linear Exact = new();

    public override string Name => "linear_fp8";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs[0].DType == DType.BF16, "x must be bf16");
        inputs.Require(inputs[0].Rows % 16 == 0 && inputs[1].Shape.All(d => d.Value % 16 == 0), "rows and widths must be multiples of 16");
        return Exact.Infer(inputs);
    }

    public override long Flops(Inputs inputs) => Exact.Flops(inputs);

    public override void Differentiate(GradientBuilder g)
    {
        g.Emit("linear_fp8_grad_weight", Attributes.None, [g.OutputGradient, g.Input(0), g.Prior(1)], 1);
        if (g.Needs(0)) g.Emit("linear_fp8_grad_input", Attributes.None, [g.OutputGradient, g.Input(1)], 0);
    }

    public override KernelCall Lower(Inputs inputs) => new("LinearFp8", In(0), In(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) => Exact.Evaluate(inputs);
}

/// <summary>dy [.., M] in e5m2, weight [M, K] in e4m3 → dx [.., K].</summary>
public sealed class LinearFp8GradInput : Op
{
    private static readonly LinearGradInput Exact = new();

    public override string Name => "linear_fp8_grad_input";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => Exact.Infer(inputs);

    public override long Flops(Inputs inputs) => Exact.Flops(inputs);

    public override KernelCall Lower(Inputs inputs) => new("LinearFp8GradInput", In(0), In(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) => Exact.Evaluate(inputs);
}

/// <summary>dy [.., M] in e5m2, x [.., K] in e4m3 → fp32 [M, K], added to the optional third input.</summary>
public sealed class LinearFp8GradWeight : Op
{
    private static readonly LinearGradWeight Exact = new();

    public override string Name => "linear_fp8_grad_weight";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => Exact.Infer(inputs);

    public override long Flops(Inputs inputs) => Exact.Flops(inputs);

    public override KernelCall Lower(Inputs inputs) => new("LinearFp8GradWeight", In(0), In(1), Accumulate(2), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) => Exact.Evaluate(inputs);
}
