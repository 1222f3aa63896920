using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Onnx.Verification;

/// <summary>Whole sequences, without their padding: the vectors of their tokens, hidden tokens, classes.</summary>
internal sealed class EncoderPair : IPair
{
    private readonly ModelDescription _model;
    private readonly IEncoderProgram _exported, _original;
    private readonly ITrainingProgram _training;
    private readonly EncoderLoss _loss;

    public EncoderPair(ICompiledModel model, string folder)
    {
        _model = model.Description;
        _exported = OnnxEncoder.Open(_model, folder);
        (_original, _training) = (model.CreateEncoder(), model.CreateTraining());
        _loss = new EncoderLoss(_model, _exported);
    }

    public (double Exported, double Original) Losses(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, LogitErrors errors)
    {
        var objective = _model.Training.Objective.Kind;
        for (var start = 0; start < tokens.Length; start += _model.Context)
        {
            var sequence = _loss.Sequence(tokens.Slice(start, _model.Context));
            errors.Compare(_exported.Encode(sequence), _original.Encode(sequence));
            if (objective != ObjectiveKind.Masked) errors.Compare(_exported.Classify(sequence), _original.Classify(sequence));
            if (objective != ObjectiveKind.Classification) errors.Compare(_exported.Predict(sequence), _original.Predict(sequence));
        }

        return (_loss.Add(tokens, targets), _training.Evaluate(tokens, targets));
    }

    public (EquatableArray<Measure> Exported, EquatableArray<Measure> Original) Measures()
    {
        var original = new StepMetrics();
        (_training as IMetricSource)?.Report(original);
        return (_loss.Measures(), original.ToMeasures());
    }

    public void Dispose()
    {
        _exported.Dispose();
        _original.Dispose();
        _training.Dispose();
    }
}
