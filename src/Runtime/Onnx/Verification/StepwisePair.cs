namespace ModelCompiler.Runtime.Onnx.Verification;

/// <summary>
/// Next tokens one by one: the first row of each batch, which with a memory of segments continues the row before it. Losses are of these
/// rows, by the programs of generation, for training may have another memory.
/// </summary>
internal sealed class StepwisePair(ICompiledModel model, OnnxModel opened, IInferenceProgram exported) : IPair
{
    private readonly IInferenceProgram _original = model.CreateInference();

    public (double Exported, double Original) Losses(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, LogitErrors errors)
    {
        var (length, found, known) = (Math.Min(model.Description.Context, _original.Context), 0.0, 0.0);
        if (_original.Context - _original.Position < length)
        {
            exported.Reset();
            _original.Reset();
        }

        for (var t = 0; t < length; t++)
        {
            var logits = exported.Forward([(int)tokens[t]]);
            var wanted = _original.Forward([(int)tokens[t]]);
            errors.Compare(logits, wanted);
            found += LogitErrors.CrossEntropy(logits, targets[t]) / length;
            known += LogitErrors.CrossEntropy(wanted, targets[t]) / length;
        }

        return (found, known);
    }

    public void Dispose()
    {
        exported.Dispose();
        opened.Dispose();
        _original.Dispose();
    }
}
