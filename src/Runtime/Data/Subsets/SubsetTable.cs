using ModelCompiler.ModelDsl;

namespace ModelCompiler.Runtime.Data.Subsets;

/// <summary>What the methods are made of.</summary>
/// <param name="Declared">With every default filled in.</param>
/// <param name="Count">Number of samples.</param>
/// <param name="Seed">Decides all choices.</param>
/// <param name="Steps">Optimizer steps of the whole run.</param>
/// <param name="Scorer">Forward passes of the model that is trained.</param>
/// <param name="Irreducible">The loss of each sample under the declared holdout model.</param>
internal sealed record SubsetContext(
    SubsetSpec Declared, int Count, int Seed, int Steps, ISampleScorer Scorer, Func<float[]> Irreducible)
{
    public double Keep => Declared.Keep!.Value;
}

/// <summary>All methods.</summary>
internal static class SubsetTable
{
    /// <summary>Epochs of a run over the samples of the methods that learn from an earlier epoch.</summary>
    private const int Epochs = 4;

    public static ISubset Of(SubsetContext c) => c.Declared.Method switch
    {
        SubsetMethod.Random => new RandomSubset(c.Count, c.Seed, c.Keep),
        SubsetMethod.Infobatch => new InfoBatch(c.Count, c.Seed, c.Declared.Prune, (int)Math.Ceiling(c.Declared.Delta * c.Steps)),
        SubsetMethod.SelectiveBackprop => new SelectiveBackprop(c.Count, c.Seed, c.Keep, c.Declared.Interrupt, c.Declared.Beta, c.Scorer),
        SubsetMethod.RhoLoss => new RhoLoss(c.Count, c.Seed, c.Keep, c.Irreducible(), c.Scorer),
        SubsetMethod.El2n => new El2n(c.Count, c.Seed, c.Keep, c.Declared.After!.Value, c.Scorer),
        _ => throw new ArgumentOutOfRangeException(nameof(c), c.Declared.Method, null),
    };

    /// <summary>
    /// Most samples of an epoch, where the declaration does not say: a run of less than an epoch would never see a sample
    /// again, and the methods that judge samples by earlier epochs could do nothing.
    /// </summary>
    /// <param name="declared">The declaration.</param>
    /// <param name="drawn">Samples that the run chooses, counted as often as they are trained on.</param>
    /// <returns>Null for all that the text has.</returns>
    public static long? MostSamples(SubsetSpec declared, long drawn) =>
        declared.Samples is { } samples ? samples
        : declared.Method is SubsetMethod.Infobatch or SubsetMethod.El2n ? Math.Max(1, drawn / Epochs)
        : null;
}
