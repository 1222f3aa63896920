using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.Onnx.Verification;

/// <summary>
/// Next tokens. The loss of each row beside the forward pass of training; and the logits of the first row of a batch, through the caches of both
/// engines, half of it at once and the rest one by one. A memory of segments goes from batch to batch, as in validation.
/// </summary>
internal sealed class NextTokenPair : IPair
{
    private readonly ModelDescription _model;
    private readonly OnnxModel _opened;
    private readonly IInferenceProgram _exported, _original;
    private readonly ITrainingProgram _training;

    public NextTokenPair(ICompiledModel model, string folder)
    {
        _model = model.Description;
        _opened = OnnxModel.Open(_model, folder);
        // Rows that go on have a sequence each, and what is compared has the last one.
        _exported = _opened.CreateInference(_model.SegmentMemory > 0 ? _model.Batch + 1 : 1);
        (_original, _training) = (model.CreateInference(), model.CreateTraining());
    }

    public (double Exported, double Original) Losses(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, LogitErrors errors)
    {
        Compare(TokenBuffer.Narrow(tokens[.._model.Context]), errors);
        // A task is a batch of two sets, each with a loss of its own; what it would adapt to is not the export's concern.
        var task = _training as IMetaProgram;
        var (exported, original, sets) = (0.0, 0.0, task is null ? 1 : 2);
        var length = tokens.Length / sets;
        for (var set = 0; set < sets; set++)
        {
            var x = tokens.Slice(set * length, length);
            var y = targets.Slice(set * length, length);
            task?.Adapt(x, y, steps: 0);
            exported += Loss(x, y) / sets;
            original += (task?.Loss(x, y) ?? _training.Evaluate(x, y)) / sets;
        }

        return (exported, original);
    }

    public void Dispose()
    {
        _exported.Dispose();
        _opened.Dispose();
        _original.Dispose();
        _training.Dispose();
    }

    private double Loss(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets)
    {
        var (context, nats, counted) = (_model.Context, 0.0, 0);
        for (var row = 0; row < tokens.Length / context; row++)
        {
            if (_model.SegmentMemory == 0) _exported.Reset();
            var found = CrossEntropy.Of(_exported, _model.SegmentMemory > 0 ? row : 0, tokens.Slice(row * context, context), targets.Slice(row * context, context));
            (nats, counted) = (nats + found.Nats, counted + found.Tokens);
        }

        return counted == 0 ? 0 : nats / counted;
    }

    private void Compare(int[] window, LogitErrors errors)
    {
        var (half, sequence) = (Math.Max(1, window.Length / 2), _exported.Batch - 1);
        if (_model.SegmentMemory == 0)
        {
            _exported.Truncate(sequence, 0);
            _original.Reset();
        }

        errors.Compare(_exported.Forward(sequence, window.AsSpan(0, half)), _original.Forward(window.AsSpan(0, half)));
        for (var t = half; t < window.Length; t++) errors.Compare(_exported.Forward(sequence, [window[t]]), _original.Forward([window[t]]));
    }
}
