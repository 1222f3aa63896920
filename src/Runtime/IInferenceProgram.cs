namespace ModelCompiler.Runtime;

/// <summary>
/// The forward pass of a model over growing sequences, each with a key-value cache that is allocated once. Not thread-safe: one thread
/// at a time. Logits that a call returns are valid until the next.
/// </summary>
public interface IInferenceProgram : IDisposable
{
    /// <summary>Sequences that it holds, B; they are numbered from 0.</summary>
    int Batch { get; }

    /// <summary>Number of different tokens, V.</summary>
    int Vocabulary { get; }

    /// <summary>Most tokens of a sequence, T; no limit, <see cref="int.MaxValue"/>, where a memory of earlier segments slides.</summary>
    int Context { get; }

    /// <summary>
    /// Whether <see cref="Truncate"/> can take back a part of a sequence: not in models that keep a state instead of their past (a memory of
    /// segments, convolutions).
    /// </summary>
    bool CanTruncate { get; }

    /// <summary>Tokens of a sequence so far.</summary>
    int PositionOf(int sequence);

    /// <summary>Forgets the tokens of a sequence from a position on.</summary>
    /// <returns>What is left: the position, or 0 where a part cannot be taken back.</returns>
    int Truncate(int sequence, int position);

    /// <summary>Appends tokens to a sequence, in chunks.</summary>
    /// <param name="sequence">Below <see cref="Batch"/>.</param>
    /// <param name="tokens">At least one, and at most <see cref="Context"/> − <see cref="PositionOf"/>.</param>
    /// <param name="rows">Of how many of the tokens, the last ones, the logits are wanted.</param>
    /// <returns>[rows, V]</returns>
    /// <exception cref="ArgumentException">Their number does not fit, or one is not in the vocabulary.</exception>
    ReadOnlySpan<float> Forward(int sequence, scoped ReadOnlySpan<int> tokens, int rows = 1);

    /// <summary>Appends one token to each of several sequences, in one pass over the weights.</summary>
    /// <param name="sequences">Different ones.</param>
    /// <param name="tokens">A token for each of them.</param>
    /// <returns>[sequences, V]</returns>
    /// <exception cref="ArgumentException">A sequence is full, or a token is not in the vocabulary.</exception>
    ReadOnlySpan<float> Step(scoped ReadOnlySpan<int> sequences, scoped ReadOnlySpan<int> tokens);
}

/// <summary>The first sequence of a program, for those who need no other.</summary>
public static class FirstSequence
{
    extension(IInferenceProgram program)
    {
        /// <summary>Tokens so far.</summary>
        public int Position => program.PositionOf(0);

        /// <summary>Empties the cache.</summary>
        public void Reset() => program.Truncate(0, 0);

        /// <summary>Appends tokens and returns the logits [V] after the last.</summary>
        public ReadOnlySpan<float> Forward(scoped ReadOnlySpan<int> tokens) => program.Forward(0, tokens);
    }
}
