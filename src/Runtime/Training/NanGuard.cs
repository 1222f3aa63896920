using System.Globalization;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Runtime.Training;

/// <summary>What becomes of steps whose loss or gradients are not finite: the <c>on-nan</c> of a declaration.</summary>
internal sealed class NanGuard(TrainingSettings settings, string folder)
{
    /// <summary>Steps in a row that may be skipped; after more the run is beyond help.</summary>
    public const int SkipsInARow = 10;

    /// <summary>How often a run may go back.</summary>
    public const int Rewinds = 10;

    /// <summary>Whether there is nothing to decide; an overflow is the loss scaler's, which has decided.</summary>
    public static bool IsFinite(StepResult result) =>
        result.IsFinite || (result.Overflowed && double.IsFinite(result.Loss));

    /// <summary>Decides about a step that is not finite.</summary>
    /// <param name="state">Where the run stood before it.</param>
    /// <param name="result">What the step reported.</param>
    /// <returns><see cref="NanPolicy.Skip"/> or <see cref="NanPolicy.Rewind"/>.</returns>
    /// <exception cref="TrainingDivergedException">The run is to stop.</exception>
    public NanPolicy Decide(RunState state, StepResult result)
    {
        var patience = settings.OnNan switch
        {
            NanPolicy.Skip when state.SkippedInARow < SkipsInARow => NanPolicy.Skip,
            NanPolicy.Rewind when state.SkippedBatches.Count < Rewinds => NanPolicy.Rewind,
            _ => NanPolicy.Stop,
        };
        return patience != NanPolicy.Stop ? patience : throw new TrainingDivergedException(string.Create(CultureInfo.InvariantCulture,
            $"Training diverged: {Describe(state, result)}{After(state)}. Set a lower training.optimizer.learning-rate (now {settings.LearningRate}) or a longer warmup (now {settings.Warmup}). Earlier checkpoints in '{folder}' are as they were."));
    }

    /// <summary>E.g. <c>at step 61 the loss was NaN</c>.</summary>
    public static string Describe(RunState state, StepResult result)
    {
        var (what, value) = double.IsFinite(result.Loss) ? ("gradient norm", result.GradientNorm) : ("loss", result.Loss);
        return string.Create(CultureInfo.InvariantCulture, $"at step {state.Step + 1} the {what} was {value}");
    }

    private string After(RunState state) => settings.OnNan switch
    {
        NanPolicy.Skip => $", after {state.SkippedInARow} skipped steps in a row",
        NanPolicy.Rewind => $", after going back {state.SkippedBatches.Count} times",
        _ => "",
    };
}
