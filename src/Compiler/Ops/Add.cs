using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>a + b, of one shape, and the bias [M] if given.</summary>
public sealed class Add : Op
{
    public override string Name => "add";

    public override bool ByRows => true;

    public override bool Cheap => true;

    public override bool InPlace(int input) => input < 2;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs[0].SameShape(inputs[1]) && inputs[0].DType == inputs[1].DType, "types differ");
        AddBias.Require(inputs, 2);
        return [inputs[0]];
    }

    public override long Flops(Inputs inputs) => (inputs.Has(2) ? 2 : 1) * inputs[0].Elements;

    public override void Differentiate(GradientBuilder g)
    {
        if (g.Input(2).Length > 0) g.Emit("bias_grad", Attributes.None, [g.OutputGradient, g.Prior(2)], 2);
        g.PassThrough(0);
        g.PassThrough(1);
    }

    public override void Linearize(TangentBuilder t) => t.Emit(0, Name, Attributes.None, [.. Enumerable.Range(0, t.Inputs).Select(t.Tangent)]);

    public override KernelCall Lower(Inputs inputs) => inputs.Has(2)
        ? new("Add", In(0), In(1), In(2), Out(0))
        : new("Add", In(0), In(1), Out(0));

    public override OnnxCall? Export(Inputs inputs) =>
        new("Add", In(0), In(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
        [inputs[0] with { Data = inputs[0].Data.Select((a, i) => a + inputs[1].Data[i] + Pointwise.Bias(inputs, 2, i)).ToArray() }];
}
