namespace ModelCompiler.Runtime.Data.Curricula.Pacings;

/// <summary>Evenly (Platanios et al. 2019: linear competence).</summary>
internal sealed class LinearPacing : IPacing
{
    public double At(double progress, double from, double to) => from + ((to - from) * progress);
}
