using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>A function of each element of x, or of x + bias [M] where that is given; its gradient op is <c>name_grad</c>.</summary>
public abstract class Pointwise(string name, string kernel) : Op
{
    public override string Name => name;

    public override bool ByRows => true;

    public override bool Cheap => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        AddBias.Require(inputs, 1);
        return [inputs[0]];
    }

    public override long Flops(Inputs inputs) => (inputs.Has(1) ? 9 : 8) * inputs[0].Elements;

    public override void Differentiate(GradientBuilder g)
    {
        if (g.Input(1).Length > 0) g.Emit(name + "_grad", Attributes.None, [g.OutputGradient, g.Input(0), g.Input(1), g.Prior(1)], 0, 1);
        else g.Emit(name + "_grad", Attributes.None, [g.OutputGradient, g.Input(0)], 0);
    }

    /// <summary>The Jacobian of a function of each element is symmetric: its tangent and its gradient are the same product.</summary>
    public override void Linearize(TangentBuilder t)
    {
        if (t.Input(1).Length > 0) throw new GraphException($"{name} has no tangent with a bias: FoldBiases comes before");
        t.Emit(0, name + "_grad", Attributes.None, t.Tangent(0), t.Input(0));
    }

    public override KernelCall Lower(Inputs inputs) => inputs.Has(1) ? new(kernel, In(0), In(1), Out(0)) : new(kernel, In(0), Out(0));

    public override OnnxCall? Export(Inputs inputs) => new(kernel, In(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
        [inputs[0] with { Data = inputs[0].Data.Select((x, i) => Function(x + Bias(inputs, 1, i))).ToArray() }];

    public abstract double Function(double x);

    public abstract double Derivative(double x);

    public abstract double SecondDerivative(double x);

    /// <summary>Whether the second derivative is zero wherever there is one.</summary>
    public virtual bool IsPiecewiseLinear => false;

    internal static double Bias(ReferenceInputs inputs, int input, int element) =>
        inputs.Has(input) ? inputs[input].Data[element % inputs[input].Data.Length] : 0;
}

/// <summary>dy, x → dy · f′(x); with a bias and an optional prior of its gradient also the fp32 gradient of the bias.</summary>
public sealed class PointwiseGrad(Pointwise function, string kernel) : Op
{
    public override string Name => function.Name + "_grad";

    public override bool ByRows => true;

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        AddBias.Require(inputs, 2);
        return inputs.Has(2) ? [inputs[0], TensorType.Of(DType.F32, inputs[0].Last)] : [inputs[0]];
    }

    public override long Flops(Inputs inputs) => (inputs.Has(2) ? 14 : 12) * inputs[0].Elements;

    public override void Linearize(TangentBuilder t)
    {
        t.Add(0, needs: 0, Name, Attributes.None, t.Tangent(0), t.Input(1));
        if (!function.IsPiecewiseLinear) t.Add(0, needs: 1, PointwiseCurvature.Of(function), Attributes.None, t.Input(0), t.Tangent(1), t.Input(1));
    }

    public override KernelCall Lower(Inputs inputs) => inputs.Has(2)
        ? new(kernel, In(0), In(1), In(2), Accumulate(3), Out(0), Out(1))
        : new(kernel, In(0), In(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, x, width) = (inputs[0], inputs[1], inputs[0].Last);
        var dx = x with { Data = dy.Data.Select((d, i) => d * function.Derivative(x.Data[i] + Pointwise.Bias(inputs, 2, i))).ToArray() };
        if (!inputs.Has(2)) return [dx];
        var db = inputs.Prior(3, width);
        for (var i = 0; i < dx.Data.Length; i++) db[i % width] += dx.Data[i];
        return [dx, new(db, [width])];
    }
}

/// <summary>dy, dx, x → dy · dx · f″(x): what the tangent dx of x makes of the gradient.</summary>
public sealed class PointwiseCurvature(Pointwise function, string kernel) : Op
{
    public override string Name => Of(function);

    public static string Of(Pointwise function) => function.Name + "_curvature";

    public override bool InPlace(int input) => input < 2;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0]];

    public override long Flops(Inputs inputs) => 14 * inputs[0].Elements;

    public override KernelCall Lower(Inputs inputs) => new(kernel, In(0), In(1), In(2), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
        [inputs[0] with { Data = inputs[0].Data.Select((dy, i) => dy * inputs[1].Data[i] * function.SecondDerivative(inputs[2].Data[i])).ToArray() }];
}
