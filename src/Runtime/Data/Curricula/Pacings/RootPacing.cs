namespace ModelCompiler.Runtime.Data.Curricula.Pacings;

/// <summary>The square grows evenly, so what is new comes ever more slowly (Platanios et al. 2019: square root competence).</summary>
internal sealed class RootPacing : IPacing
{
    public double At(double progress, double from, double to) => Math.Sqrt((from * from) + (((to * to) - (from * from)) * progress));
}
