namespace ModelCompiler.Compiler.Ops;

/// <summary>The hyperbolic tangent.</summary>
public sealed class Tanh() : Pointwise("tanh", "Tanh")
{
    public override double Function(double x) => Math.Tanh(x);

    public override double Derivative(double x) => 1 - (Math.Tanh(x) * Math.Tanh(x));

    public override double SecondDerivative(double x) => -2 * Math.Tanh(x) * (1 - (Math.Tanh(x) * Math.Tanh(x)));
}
