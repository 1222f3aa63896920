namespace ModelCompiler.Compiler.Ops;

/// <summary>x · sigmoid(x) (Elfwing et al. 2017).</summary>
public sealed class Silu() : Pointwise("silu", "Silu")
{
    public override double Function(double x) => x * Sigmoid(x);

    public override double Derivative(double x) => Sigmoid(x) * (1 + (x * (1 - Sigmoid(x))));

    public override double SecondDerivative(double x) => Sigmoid(x) * (1 - Sigmoid(x)) * (2 + (x * (1 - (2 * Sigmoid(x)))));

    internal static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
}
