namespace ModelCompiler.Runtime.Onnx;

/// <summary>One sequence of an export that runs each by itself.</summary>
internal interface IOnnxSequence : IDisposable
{
    /// <summary>Most tokens.</summary>
    int Context { get; }

    /// <summary>Tokens so far.</summary>
    int Position { get; }

    /// <summary>Forgets them.</summary>
    void Reset();

    /// <summary>Appends tokens, whose number fits.</summary>
    /// <param name="tokens">At least one.</param>
    /// <param name="logits">[rows, V]: of the last ones.</param>
    void Run(ReadOnlySpan<int> tokens, Span<float> logits);
}
