using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// x [.., N] with h [.., R] · weight [M, R]ᵀ added to the M columns from <c>start</c> on: the second half of a low-rank adapter,
/// into its part of a packed projection.
/// </summary>
public sealed class AddProduct : Op
{
    public override string Name => "add_product";

    public override bool ByRows => true;

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (x, h, weight, start) = (inputs[0], inputs[1], inputs.Rank(2, 2), inputs.Attributes.Long("start"));
        inputs.Require(h.Last.Value == weight.Last.Value && h.Rows == x.Rows, "the rows or the rank differ");
        inputs.Require(x.DType == h.DType && h.DType == weight.DType, "element types differ");
        inputs.Require(start >= 0 && start + weight.Shape[0].Value <= x.Last.Value, "the columns must lie within x");
        return [x];
    }

    public override long Flops(Inputs inputs) => 2 * inputs[1].Rows * inputs[2].Elements;

    public override void Differentiate(GradientBuilder g)
    {
        g.Emit("add_product_grad", g.Attributes, [g.OutputGradient, g.Input(1), g.Input(2), g.Prior(2)], 1, 2);
        g.PassThrough(0);
    }

    public override KernelCall Lower(Inputs inputs) => new("AddProduct", In(0), In(1), In(2), inputs.Attributes.Long("start"), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, product) = (inputs[0], new Linear().Evaluate(ReferenceInputs.Of("linear", inputs.Find(1), inputs.Find(2)))[0]);
        var (start, y) = (inputs.Attributes.Int("start"), (double[])inputs[0].Data.Clone());
        for (var r = 0; r < x.Rows; r++)
            for (var j = 0; j < product.Last; j++) y[(r * x.Last) + start + j] += product.Data[(r * product.Last) + j];
        return [x with { Data = y }];
    }
}

/// <summary>dy [.., N], h [.., R], weight [M, R] → dh [.., R], and fp32 dWeight [M, R] added to the optional fourth input.</summary>
public sealed class AddProductGrad : Op
{
    public override string Name => "add_product_grad";

    public override bool ByRows => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1], inputs.Rank(2, 2).With(DType.F32)];

    public override long Flops(Inputs inputs) => 4 * inputs[1].Rows * inputs[2].Elements;

    public override KernelCall Lower(Inputs inputs) =>
        new("AddProductGrad", In(0), In(1), In(2), inputs.Attributes.Long("start"), Accumulate(3), Out(0), Out(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var columns = new Slice().Evaluate(new ReferenceInputs(
            new Node("slice", EquatableArray.Of("x"), default, Attributes.Of(("start", inputs.Attributes.Long("start")), ("width", inputs[2].Shape[0])), ""),
            [inputs[0]]))[0];
        return
        [
            new LinearGradInput().Evaluate(ReferenceInputs.Of("linear_grad_input", columns, inputs.Find(2)))[0],
            new LinearGradWeight().Evaluate(ReferenceInputs.Of("linear_grad_weight", columns, inputs.Find(1), inputs.Find(3)))[0],
        ];
    }
}
