namespace ModelCompiler.Runtime.Data.Curricula.Pacings;

/// <summary>Each step multiplies by the same factor (Hacohen and Weinshall 2019: fixed exponential pacing, here without its stairs).</summary>
internal sealed class ExponentialPacing : IPacing
{
    public double At(double progress, double from, double to) => from * Math.Pow(to / from, progress);
}
