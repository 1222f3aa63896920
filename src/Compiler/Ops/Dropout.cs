using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// x → y, with a share of the elements zeroed and the others scaled up, and the mask of those kept
/// (Srivastava et al. 2014). The mask follows from the step, the layer and <c>site</c>, so a recomputation repeats it.
/// </summary>
public sealed class Dropout : Op
{
    public override string Name => "dropout";

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0], inputs[0].With(DType.U8)];

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override void Differentiate(GradientBuilder g) =>
        g.Emit("dropout_grad", Attributes.Of(("rate", g.Attributes.Double("rate"))), [g.OutputGradient, g.Output(1)], 0);

    public override KernelCall Lower(Inputs inputs) => new(
        "Dropout", In(0), $"Rate({((KernelArgument)inputs.Attributes.Double("rate")).Text})",
        $"MaskSeed(layer, {inputs.Attributes.Long("site")})", Out(0), Out(1));

    /// <summary>The reference keeps every other element, so that tests can see what was dropped.</summary>
    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, rate) = (inputs[0], inputs.Attributes.Double("rate"));
        var mask = x.Data.Select((_, i) => (double)(i % 2)).ToArray();
        return [x with { Data = x.Data.Zip(mask, (v, m) => v * m / (1 - rate)).ToArray() }, x with { Data = mask }];
    }
}

/// <summary>dy, mask → dx.</summary>
public sealed class DropoutGrad : Op
{
    public override string Name => "dropout_grad";

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0]];

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override KernelCall Lower(Inputs inputs) => new("DropoutGrad", In(0), In(1), inputs.Attributes.Double("rate"), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
        [inputs[0] with { Data = inputs[0].Data.Zip(inputs[1].Data, (dy, m) => dy * m / (1 - inputs.Attributes.Double("rate"))).ToArray() }];
}
