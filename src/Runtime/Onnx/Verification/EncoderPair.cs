using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Onnx.Verification;

/// <summary>Whole sequences, without their padding: the vectors of their tokens, hidden tokens, classes.</summary>
internal sealed class EncoderPair(ICompiledModel model, string folder) : IPair
{
    private readonly OnnxEncoder _exported = OnnxEncoder.Open(model.Description, folder);
    private readonly IEncoderProgram _original = model.CreateEncoder();
    private readonly ITrainingProgram _training = model.CreateTraining();

    private ObjectiveKind Objective => model.Description.Training.Objective.Kind;

    public (double Exported, double Original) Losses(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, LogitErrors errors)
    {
        var length = model.Description.Context;
        var (masked, hidden, order, rows) = (0.0, 0, 0.0, tokens.Length / length);
        for (var start = 0; start < tokens.Length; start += length)
        {
            var row = tokens.Slice(start, length);
            var wanted = targets.Slice(start, length);
            int[] sequence = [.. row[..model.Description.Training.SpecialTokens!.Length(row)].ToArray().Select(token => (int)token)];
            errors.Compare(_exported.Encode(sequence), _original.Encode(sequence));
            if (Objective != ObjectiveKind.Masked)
            {
                var classes = _exported.Classify(sequence);
                errors.Compare(classes, _original.Classify(sequence));
                order += LogitErrors.CrossEntropy(classes, wanted[0]);
            }

            if (Objective == ObjectiveKind.Classification) continue;
            var logits = _exported.Predict(sequence);
            errors.Compare(logits, _original.Predict(sequence));
            var vocabulary = logits.Length / sequence.Length;
            for (var t = Objective == ObjectiveKind.MaskedWithOrder ? 1 : 0; t < sequence.Length; t++)
            {
                if (wanted[t] == Masking.Ignored) continue;
                masked += LogitErrors.CrossEntropy(logits.Slice(t * vocabulary, vocabulary), wanted[t]);
                hidden++;
            }
        }

        return ((hidden == 0 ? 0 : masked / hidden) + (order / rows), _training.Evaluate(tokens, targets));
    }

    public void Dispose()
    {
        _exported.Dispose();
        _original.Dispose();
        _training.Dispose();
    }
}
