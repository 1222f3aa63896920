using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Data.Subsets;

/// <summary>A walk over samples, epoch after epoch, each in an order of its own.</summary>
/// <param name="count">Samples of an epoch.</param>
/// <param name="seed">Decides the orders.</param>
internal sealed class Epochs(int count, int seed)
{
    private readonly SampleOrder _order = new(count, seed);
    private int _place;

    /// <summary>The epoch that the walk is in, from 0.</summary>
    public int Epoch { get; private set; }

    /// <summary>The sample at the walk's place in the epoch; −1 at its end.</summary>
    public int Next() => _place < count ? (int)_order.Epoch(Epoch)[_place++] : -1;

    /// <summary>Begins the next epoch, wherever the walk is.</summary>
    public void Begin() => (Epoch, _place) = (Epoch + 1, 0);

    /// <summary>A number from 0 to below 1 that belongs to a sample in this epoch.</summary>
    public double Uniform(int sample) => _order.Uniform(Epoch, sample);

    public void Describe(CheckpointTable table)
    {
        table.Value("epoch", () => Epoch, epoch => Epoch = epoch);
        table.Value("place", () => _place, place => _place = place);
    }
}
