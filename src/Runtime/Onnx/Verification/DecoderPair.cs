namespace ModelCompiler.Runtime.Onnx.Verification;

/// <summary>Next tokens: each row at once, and the first row of a batch through the caches of both, a part at once and the rest one by one.</summary>
internal sealed class DecoderPair(ICompiledModel model, OnnxModel opened, IInferenceProgram exported) : IPair
{
    private readonly IInferenceProgram _original = model.CreateInference();
    private readonly ITrainingProgram _training = model.CreateTraining();

    public (double Exported, double Original) Losses(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, LogitErrors errors)
    {
        var (length, vocabulary, loss) = (model.Description.Context, model.Description.Vocabulary, 0.0);
        for (var start = 0; start < tokens.Length; start += length)
        {
            int[] window = [.. tokens.Slice(start, length).ToArray().Select(token => int.CreateChecked(token))];
            exported.Reset();
            var logits = exported.Forward(0, window, rows: length);
            for (var t = 0; t < length; t++) loss += LogitErrors.CrossEntropy(logits.Slice(t * vocabulary, vocabulary), targets[start + t]);
            if (start == 0) Compare(window, errors);
        }

        return (loss / tokens.Length, _training.Evaluate(tokens, targets));
    }

    public void Dispose()
    {
        exported.Dispose();
        opened.Dispose();
        _original.Dispose();
        _training.Dispose();
    }

    private void Compare(int[] window, LogitErrors errors)
    {
        var half = window.Length / 2;
        exported.Reset();
        _original.Reset();
        errors.Compare(exported.Forward(window.AsSpan(0, half)), _original.Forward(window.AsSpan(0, half)));
        foreach (var token in window.AsSpan(half)) errors.Compare(exported.Forward([token]), _original.Forward([token]));
    }
}
