namespace ModelCompiler.Runtime.Training;

/// <summary>Ends a run whose validation loss no longer falls (Prechelt 1998).</summary>
/// <param name="patience">Validations without improvement after which the run ends.</param>
/// <param name="minDelta">Nats per token by which a loss must be lower to be an improvement.</param>
internal sealed class EarlyStop(int patience, double minDelta) : ICheckpointPart
{
    private double _best = double.PositiveInfinity;

    public string Name => "early-stop";

    /// <summary>Validations since the last improvement.</summary>
    public int Waited { get; private set; }

    /// <returns>Whether the run is to end.</returns>
    public bool Validated(double loss)
    {
        if (double.IsNaN(loss)) return false; // there was nothing to validate on
        if (loss < _best - minDelta) (_best, Waited) = (loss, 0);
        else Waited++;
        return Waited >= patience;
    }

    public void Describe(CheckpointTable table)
    {
        table.Value("best", () => _best, best => _best = best);
        table.Value("waited", () => Waited, waited => Waited = waited);
    }
}
