namespace ModelCompiler.Runtime.Data.Batches;

/// <summary>Gives the batches of a run, which are numbered from 0.</summary>
public interface IBatchSource
{
    /// <summary>Sequences in a batch, B.</summary>
    int Batch { get; }

    /// <summary>Most tokens in a sequence.</summary>
    int Sequence { get; }

    /// <summary>Tokens in each sequence of a batch, T.</summary>
    int Length(long index) => Sequence;

    /// <summary>Fills a batch; a function of its number alone, so a run can be resumed anywhere.</summary>
    /// <param name="index">The batch's number.</param>
    /// <param name="tokens">[B·T], row-major.</param>
    /// <param name="targets">[B·T]: the token that follows each.</param>
    void Fill(long index, Span<long> tokens, Span<long> targets);
}
