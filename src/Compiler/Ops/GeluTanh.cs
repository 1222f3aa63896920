namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), the approximation of <see cref="Gelu"/> of Hendrycks and Gimpel (2016): GPT-2's.
/// </summary>
public sealed class GeluTanh() : Pointwise("gelu_tanh", "GeluTanh")
{
    private static readonly double Scale = Math.Sqrt(2 / Math.PI);

    public override double Function(double x) => x / 2 * (1 + Tanh(x));

    public override double Derivative(double x) =>
        ((1 + Tanh(x)) / 2) + (x / 2 * (1 - (Tanh(x) * Tanh(x))) * Scale * (1 + (3 * 0.044715 * x * x)));

    public override double SecondDerivative(double x)
    {
        var (tanh, slope) = (Tanh(x), Scale * (1 + (3 * 0.044715 * x * x)));
        return (1 - (tanh * tanh)) * (slope + (x / 2 * ((6 * 0.044715 * Scale * x) - (2 * tanh * slope * slope))));
    }

    private static double Tanh(double x) => Math.Tanh(Scale * (x + (0.044715 * x * x * x)));
}
