namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>A plan's passes in one program: the memory of its tokens' values, and the program's caches.</summary>
internal sealed unsafe class StepRun(StepPlan plan, OnnxCaches caches, int vocabulary) : IDisposable
{
    private readonly StepTokens _tokens = new(plan.Size, [.. plan.Caches.Select(caches.Find)]);

    /// <inheritdoc cref="StepPlan.MostSequences"/>
    public int MostSequences => plan.MostSequences;

    /// <summary>Begins a pass.</summary>
    /// <param name="count">Tokens that it will have, at most <see cref="StepTokens.Most"/>.</param>
    public void Clear(int count) => _tokens.Clear(count);

    /// <summary>Adds a token to the pass.</summary>
    public void Add(int sequence, int token, int position) => _tokens.Add(token, position, sequence);

    /// <summary>Appends the pass's tokens to their sequences.</summary>
    /// <param name="wanted">The last tokens, whose logits are wanted.</param>
    /// <param name="logits">[wanted, V]</param>
    public void Run(int wanted, Span<float> logits)
    {
        plan.Run(_tokens, wanted);
        for (var row = 0; row < wanted; row++)
            new ReadOnlySpan<float>(_tokens.ValuesOf(_tokens.Count - wanted + row) + plan.Logits, vocabulary).CopyTo(logits[(row * vocabulary)..]);
    }

    public void Dispose() => _tokens.Dispose();
}
