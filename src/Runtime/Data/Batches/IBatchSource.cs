namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>Gives the batch of each training step.</summary>
public interface IBatchSource
{
    /// <summary>Sequences in a batch, B.</summary>
    int Batch { get; }

    /// <summary>Tokens in a sequence, T.</summary>
    int Sequence { get; }

    /// <summary>Fills the batch of a step; a function of the step alone, so a run can be resumed anywhere.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="tokens">[B·T], row-major.</param>
    /// <param name="targets">[B·T]: the token that follows each.</param>
    void Fill(long step, Span<long> tokens, Span<long> targets);
}
