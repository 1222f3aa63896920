using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>a · b, elementwise, of one shape.</summary>
public sealed class Multiply : Op
{
    public override string Name => "multiply";

    public override bool ByRows => true;

    public override bool Cheap => true;

    public override bool InPlace(int input) => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs[0].SameShape(inputs[1]) && inputs[0].DType == inputs[1].DType, "types differ");
        return [inputs[0]];
    }

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override void Differentiate(GradientBuilder g) =>
        g.Emit("multiply_grad", Attributes.None, [g.OutputGradient, g.Input(0), g.Input(1)], 0, 1);

    public override void Linearize(TangentBuilder t)
    {
        t.Add(0, needs: 0, Name, Attributes.None, t.Tangent(0), t.Input(1));
        t.Add(0, needs: 1, Name, Attributes.None, t.Input(0), t.Tangent(1));
    }

    public override KernelCall Lower(Inputs inputs) => new("Multiply", In(0), In(1), Out(0));

    public override OnnxCall? Export(Inputs inputs) =>
        new("Multiply", In(0), In(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
        [inputs[0] with { Data = inputs[0].Data.Zip(inputs[1].Data, (a, b) => a * b).ToArray() }];
}

/// <summary>dy, a, b → da = dy · b, db = dy · a.</summary>
public sealed class MultiplyGrad : Op
{
    public override string Name => "multiply_grad";

    public override bool ByRows => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1], inputs[2]];

    public override long Flops(Inputs inputs) => 2 * inputs[0].Elements;

    public override void Linearize(TangentBuilder t)
    {
        foreach (var (output, other) in new[] { (0, 2), (1, 1) })
        {
            t.Add(output, needs: 0, "multiply", Attributes.None, t.Tangent(0), t.Input(other));
            t.Add(output, needs: other, "multiply", Attributes.None, t.Input(0), t.Tangent(other));
        }
    }

    public override KernelCall Lower(Inputs inputs) => new("MultiplyGrad", In(0), In(1), In(2), Out(0), Out(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
    [
        inputs[0] with { Data = inputs[0].Data.Zip(inputs[2].Data, (dy, b) => dy * b).ToArray() },
        inputs[0] with { Data = inputs[0].Data.Zip(inputs[1].Data, (dy, a) => dy * a).ToArray() },
    ];
}
