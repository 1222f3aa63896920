using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Curricula;
using ModelCompiler.Runtime.Data.Curricula.Pacings;

namespace ModelCompiler.Runtime.Training;

/// <summary>How many tokens of each sequence the middle layers see at each step: an even growth (random-LTD, Yao et al. 2022).</summary>
/// <param name="steps">Steps until they see all.</param>
/// <param name="kept">The numbers of tokens that the program has steps for, ascending; the last is all.</param>
public sealed class TokenDrop(int steps, int[] kept) : IMetricSource
{
    private readonly LengthSchedule _schedule = new(
        new Pace(new CurriculumSpec { From = kept[0], To = kept[^1], Steps = steps }, new LinearPacing()), kept);

    private int _last = kept[0];

    /// <summary>The tokens of a step.</summary>
    /// <param name="step">Steps before it.</param>
    public int Next(int step) => _last = _schedule.Length(step);

    /// <inheritdoc/>
    public void Report(StepMetrics metrics) => metrics.Add("kept-tokens", _last);

    /// <inheritdoc/>
    public IEnumerable<(string Name, string Value)> Facts() =>
        [("token drop", $"the middle layers saw {kept[0]} of {kept[^1]} tokens at first, all from step {_schedule.LastFrom + 1} on")];
}
