using ModelCompiler.ModelDsl;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// A linear warm-up to the peak, then a decay to a share of it that is reached at the last step: over the whole run, or (wsd) in
/// a cool-down at its end, until which the rate stays at the peak.
/// </summary>
/// <param name="Settings">The peak and the shape.</param>
/// <param name="Steps">Steps of the whole run.</param>
public sealed record LearningRateSchedule(TrainingSettings Settings, int Steps)
{
    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">From 0 to <see cref="Steps"/> − 1.</param>
    public double At(int step)
    {
        var (peak, warmup) = (Settings.LearningRate, Settings.Warmup);
        if (step < warmup)
            return peak * (step + 1) / warmup;

        // 0 at the first step after the warm-up, 1 at the last of the run.
        var progress = Math.Min(1, (step - warmup) / (double)Math.Max(1, Steps - 1 - warmup));
        return peak * Settings.Decay switch
        {
            DecayKind.Cosine => Between(0.5 * (1 + Math.Cos(Math.PI * progress))),
            DecayKind.Linear => Between(1 - progress),
            DecayKind.Wsd => Between(CoolDown(step)),
            _ => 1,
        };

        // 1 at the last stable step, 0 at the last of the run.
        double CoolDown(int at)
        {
            var length = Math.Max(1, Math.Round(Settings.DecayShare * Steps));
            var cooled = Math.Clamp((at + 1 + length - Steps) / length, 0, 1);
            return 1 - (Settings.CoolDown == CoolDownKind.Sqrt ? Math.Sqrt(cooled) : cooled);
        }

        double Between(double share) => Settings.Final + (1 - Settings.Final) * share;
    }
}
