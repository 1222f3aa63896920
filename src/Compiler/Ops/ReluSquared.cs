namespace ModelCompiler.Compiler.Ops;

/// <summary>max(x, 0)² (Primer, So et al. 2021).</summary>
public sealed class ReluSquared() : Pointwise("relu_squared", "ReluSquared")
{
    public override double Function(double x) => x > 0 ? x * x : 0;

    public override double Derivative(double x) => x > 0 ? 2 * x : 0;

    public override double SecondDerivative(double x) => x > 0 ? 2 : 0;
}
