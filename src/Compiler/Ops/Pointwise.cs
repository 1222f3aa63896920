using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>A function of each element of x; its gradient op is <c>name_grad</c>.</summary>
public abstract class Pointwise(string name, string kernel) : Op
{
    public override string Name => name;

    public override bool Cheap => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0]];

    public override long Flops(Inputs inputs) => 8 * inputs[0].Elements;

    public override void Differentiate(GradientBuilder g) =>
        g.Emit(name + "_grad", Attributes.None, [g.OutputGradient, g.Input(0)], 0);

    public override KernelCall Lower(Inputs inputs) => new(kernel, In(0), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
        [inputs[0] with { Data = inputs[0].Data.Select(Function).ToArray() }];

    public abstract double Function(double x);

    public abstract double Derivative(double x);
}

/// <summary>dy, x → dy · f′(x).</summary>
public sealed class PointwiseGrad(Pointwise function, string kernel) : Op
{
    public override string Name => function.Name + "_grad";

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0]];

    public override long Flops(Inputs inputs) => 12 * inputs[0].Elements;

    public override KernelCall Lower(Inputs inputs) => new(kernel, In(0), In(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
        [inputs[0] with { Data = inputs[0].Data.Zip(inputs[1].Data, (dy, x) => dy * function.Derivative(x)).ToArray() }];
}
