using System.Runtime.ExceptionServices;
using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Data.Curricula.Metrics;

/// <summary>A difficulty that each sample has by itself.</summary>
internal abstract class SampleDifficulty : IDifficulty
{
    public void Measure(SampleWindows samples, Span<float> difficulties)
    {
        var measured = new float[samples.Count];
        Prepare(samples);
        try
        {
            Parallel.For(
                0,
                samples.Count,
                () => (Tokens: new long[samples.Sequence], Targets: new long[samples.Sequence]),
                (sample, _, buffers) =>
                {
                    samples.Read(sample, buffers.Tokens, buffers.Targets);
                    measured[sample] = (float)Of(buffers.Tokens);
                    return buffers;
                },
                _ => { });
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }

        measured.CopyTo(difficulties);
    }

    /// <summary>Looks at all samples first, where that is needed.</summary>
    protected virtual void Prepare(SampleWindows samples)
    {
    }

    /// <summary>The difficulty of one sample; called from several threads.</summary>
    /// <param name="tokens">[T]</param>
    protected abstract double Of(ReadOnlySpan<long> tokens);
}
