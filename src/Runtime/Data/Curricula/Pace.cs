using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Curricula.Pacings;

namespace ModelCompiler.Runtime.Data.Curricula;

/// <summary>Where a curriculum stands at each step.</summary>
/// <param name="declared">With every default filled in.</param>
/// <param name="pacing">How it goes from its start to its end.</param>
internal sealed class Pace(CurriculumSpec declared, IPacing pacing)
{
    /// <summary>The first step after the curriculum.</summary>
    public int Steps => declared.Steps!.Value;

    /// <summary>The share of the samples, or the tokens of a sequence, at a step before <see cref="Steps"/>.</summary>
    public double At(int step) => pacing.At((double)step / Steps, declared.From!.Value, declared.To!.Value);
}
