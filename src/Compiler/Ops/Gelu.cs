namespace ModelCompiler.Compiler.Ops;

/// <summary>x · Φ(x) with the normal distribution function, the exact form (Hendrycks and Gimpel 2016).</summary>
public sealed class Gelu() : Pointwise("gelu", "Gelu")
{
    public override double Function(double x) => x * Cdf(x);

    public override double Derivative(double x) => Cdf(x) + (x * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));

    public override double SecondDerivative(double x) => (2 - (x * x)) * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);

    private static double Cdf(double x) => (1 + Erf(x / Math.Sqrt(2))) / 2;

    /// <summary>The error function by its series, to double precision (Abramowitz and Stegun 7.1.6), for |x| up to 6.</summary>
    private static double Erf(double x)
    {
        if (Math.Abs(x) > 6) return Math.Sign(x);
        double term = x, sum = x;
        for (var n = 1; Math.Abs(term) > 1e-18 * Math.Abs(sum) && n < 400; n++)
        {
            term *= 2 * x * x / ((2 * n) + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
