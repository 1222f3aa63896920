using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>Sequences of an export that runs each by itself: a step is a run of each.</summary>
internal sealed class OnnxSequences(IOnnxSequence[] all, int vocabulary) : IInferenceProgram
{
    private float[] _logits = [];

    public int Batch => all.Length;

    public int Vocabulary => vocabulary;

    public int Context => all[0].Context;

    public bool CanTruncate => false;

    public int PositionOf(int sequence) => all[sequence].Position;

    public int Truncate(int sequence, int position)
    {
        if (position < all[sequence].Position) all[sequence].Reset();
        return all[sequence].Position;
    }

    public ReadOnlySpan<float> Forward(int sequence, scoped ReadOnlySpan<int> tokens, int rows = 1)
    {
        TokenBuffer.Check(tokens, rows, all[sequence].Position, Context, vocabulary);
        var logits = Logits(rows);
        all[sequence].Run(tokens, logits);
        return logits;
    }

    public ReadOnlySpan<float> Step(scoped ReadOnlySpan<int> sequences, scoped ReadOnlySpan<int> tokens)
    {
        for (var i = 0; i < tokens.Length; i++) TokenBuffer.Check(tokens.Slice(i, 1), 1, all[sequences[i]].Position, Context, vocabulary);
        var logits = Logits(tokens.Length);
        for (var i = 0; i < tokens.Length; i++) all[sequences[i]].Run(tokens.Slice(i, 1), logits.Slice(i * vocabulary, vocabulary));
        return logits;
    }

    public void Dispose()
    {
        foreach (var sequence in all) sequence.Dispose();
    }

    private Span<float> Logits(int rows)
    {
        if (_logits.Length < rows * vocabulary) _logits = new float[rows * vocabulary];
        return _logits.AsSpan(0, rows * vocabulary);
    }
}
