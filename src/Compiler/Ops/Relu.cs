namespace ModelCompiler.Compiler.Ops;

/// <summary>max(x, 0) (Nair and Hinton 2010).</summary>
public sealed class Relu() : Pointwise("relu", "Relu")
{
    public override double Function(double x) => x > 0 ? x : 0;

    public override double Derivative(double x) => x > 0 ? 1 : 0;

    public override double SecondDerivative(double x) => 0;

    public override bool IsPiecewiseLinear => true;
}
