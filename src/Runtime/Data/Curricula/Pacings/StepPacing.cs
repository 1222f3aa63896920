namespace ModelCompiler.Runtime.Data.Curricula.Pacings;

/// <summary>The start until the end of the curriculum, then all at once (Hacohen and Weinshall 2019: single step pacing).</summary>
internal sealed class StepPacing : IPacing
{
    public double At(double progress, double from, double to) => from;
}
