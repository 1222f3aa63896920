using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Data.Subsets;

/// <summary>
/// Reducible holdout loss selection (Mindermann et al. 2022): trains on the candidates whose loss exceeds most that of a model
/// trained on other text, which is the part of it that cannot be learned. So neither what is known nor what is noise is chosen.
/// </summary>
/// <param name="count">Number of samples.</param>
/// <param name="seed">Decides the order of candidates.</param>
/// <param name="keep">Share of the candidates that is trained on.</param>
/// <param name="irreducible">The loss of each sample under the holdout model.</param>
/// <param name="scorer">The forward pass of the model that is trained.</param>
internal sealed class RhoLoss(int count, int seed, double keep, float[] irreducible, ISampleScorer scorer)
    : CandidateSubset(count, seed, keep, interrupt: 0, beta: null, scorer)
{
    private readonly Pin _pin = new(
        Pin.Digest<float>(irreducible),
        "The losses of samples under the holdout model (training.subset.holdout) are not those that the run began with: it was trained anew. "
        + "Restore its checkpoint, or start a new run in another --output.");

    public override void Describe(CheckpointTable table)
    {
        base.Describe(table);
        _pin.Describe(table, "irreducible");
    }

    public override void Restored() => _pin.Check();

    protected override double Score(int sample, float loss) => loss - irreducible[sample];
}
