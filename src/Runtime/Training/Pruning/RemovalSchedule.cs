namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>When parameters are removed.</summary>
public abstract class RemovalSchedule
{
    /// <summary>The share of what is removed in the end that is to be removed after a step; null where nothing is to be chosen.</summary>
    /// <param name="step">Steps made, from 1.</param>
    public abstract double? Share(int step);

    /// <summary>The step to whose weights a removal goes back; null for none.</summary>
    public virtual int? Rewind => null;

    /// <summary>Where the learning rate stands before a step: another one after a rewind.</summary>
    /// <param name="step">Steps made.</param>
    public virtual int StepOfRound(int step) => step;

    /// <summary>Steps that the learning rate's schedule is for; null for the whole run.</summary>
    public virtual int? StepsOfRound => null;
}

/// <summary>All at once.</summary>
/// <param name="begin">After this step.</param>
public sealed class OneShotSchedule(int begin) : RemovalSchedule
{
    /// <inheritdoc/>
    public override double? Share(int step) => step == begin ? 1 : null;
}

/// <summary>Fast at first and slower towards the end: a share of 1 − (1 − progress)³ (Zhu and Gupta 2017).</summary>
/// <param name="begin">The step after which weights are first removed.</param>
/// <param name="end">The step after which all are.</param>
/// <param name="every">Steps between two removals; the last comes at the end in any case.</param>
public sealed class CubicSchedule(int begin, int end, int every) : RemovalSchedule
{
    /// <inheritdoc/>
    public override double? Share(int step)
    {
        if (step < begin || step > end || ((step - begin) % every != 0 && step != end)) return null;
        // The first removal removes something already, and the last all.
        var progress = Math.Min(1, (step - begin + (double)every) / (end - begin + every));
        return step == end ? 1 : 1 - Math.Pow(1 - progress, 3);
    }
}

/// <summary>
/// Rounds of equal length: after each the same share of what remained is removed, and the weights that remain, the optimizer's state and
/// the learning rate are those of an early step again (Frankle et al. 2019). A last round trains what was found.
/// </summary>
/// <param name="rewind">The early step.</param>
/// <param name="rounds">How often weights are removed.</param>
/// <param name="steps">Steps of the run.</param>
/// <param name="sparsity">Share that is removed in the end; 0 for as many parts in each round.</param>
public sealed class IterativeSchedule(int rewind, int rounds, int steps, double sparsity) : RemovalSchedule
{
    private readonly int _length = (steps - rewind) / (rounds + 1);

    /// <inheritdoc/>
    public override int? Rewind => rewind;

    /// <inheritdoc/>
    public override int? StepsOfRound => rewind + _length;

    /// <inheritdoc/>
    public override double? Share(int step)
    {
        var (round, rest) = Math.DivRem(step - rewind, _length);
        if (rest != 0 || round < 1 || round > rounds) return null;
        return round == rounds ? 1 : sparsity == 0 ? (double)round / rounds : (1 - Math.Pow(1 - sparsity, (double)round / rounds)) / sparsity;
    }

    /// <inheritdoc/>
    public override int StepOfRound(int step) => step < rewind ? step : step - (Math.Min((step - rewind) / _length, rounds) * _length);
}
