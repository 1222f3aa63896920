namespace ModelCompiler.Runtime;

/// <summary>The generated forward pass of a model over a growing sequence, with a key-value cache. Not thread-safe.</summary>
public interface IInferenceProgram : IDisposable
{
    /// <summary>Most tokens that the cache holds, T; no limit, <see cref="int.MaxValue"/>, where a memory of earlier segments slides.</summary>
    int Context { get; }

    /// <summary>Tokens so far, all of which are in the cache unless a memory slides.</summary>
    int Position { get; }

    /// <summary>Empties the cache.</summary>
    void Reset();

    /// <summary>Appends tokens to the cache and returns the logits [V] after the last; they are valid until the next call.</summary>
    /// <param name="tokens">At least one, and at most <see cref="Context"/> − <see cref="Position"/>.</param>
    ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens);
}
