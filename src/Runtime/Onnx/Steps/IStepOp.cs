namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>A node of an exported graph for one token of one sequence, ready to run. It holds no state: programs and threads share it.</summary>
internal interface IStepOp
{
    /// <summary>Parts that write different places, so that threads may run them at once.</summary>
    int Parts { get; }

    /// <summary>Must not throw: its caller may be a thread that helps.</summary>
    /// <param name="context">The token.</param>
    /// <param name="part">Below <see cref="Parts"/>.</param>
    void Run(in StepContext context, int part);

    /// <summary>A part over several tokens, while its weights are in the core's cache; bit for bit what each comes to alone.</summary>
    /// <param name="tokens">Of a pass.</param>
    /// <param name="first">The first of those that it is to run over.</param>
    /// <param name="part">Below <see cref="Parts"/>.</param>
    void Run(StepTokens tokens, int first, int part)
    {
        for (var token = first; token < tokens.Count; token++) Run(tokens.Of(token), part);
    }
}

/// <summary>An op that is too small to be divided.</summary>
internal abstract class StepOp : IStepOp
{
    public int Parts => 1;

    public void Run(in StepContext context, int part) => Run(context);

    protected abstract void Run(in StepContext context);
}

/// <summary>What a token runs over.</summary>
/// <param name="values">Its values, where the plan has placed them.</param>
/// <param name="token">Its id.</param>
/// <param name="position">Its place in the sequence.</param>
/// <param name="sequence">Of the caches.</param>
/// <param name="caches">In the order of the plan's.</param>
internal readonly unsafe ref struct StepContext(float* values, int token, int position, int sequence, ReadOnlySpan<OnnxCache> caches)
{
    private readonly ReadOnlySpan<OnnxCache> _caches = caches;

    public float* Values { get; } = values;

    public int Token { get; } = token;

    public int Position { get; } = position;

    /// <summary>The keys or values of one attention, fp32 [Hkv, context, D].</summary>
    public float* Cache(int index) => _caches[index].Of(sequence);
}
