using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Inference;

/// <summary>Loss and accuracy of an encoder on the batches of its training, by the objective's tasks. It runs each sequence by itself, without padding.</summary>
/// <param name="model">Whose objective and special tokens they are.</param>
/// <param name="program">The model, in either engine.</param>
internal sealed class EncoderLoss(ModelDescription model, IEncoderProgram program)
{
    private readonly ObjectiveKind _objective = model.Training.Objective.Kind;

    // Named as by the training program.
    private readonly TaskMeasures _measures = model.Training.Objective.Kind switch
    {
        ObjectiveKind.Classification => new("class"),
        ObjectiveKind.MaskedWithOrder => new("masked", "order"),
        _ => new("masked"),
    };

    /// <summary>The tokens of a row before its padding.</summary>
    public int[] Sequence(ReadOnlySpan<long> row) => TokenBuffer.Narrow(row[..model.Training.SpecialTokens!.Length(row)]);

    /// <summary>Adds a batch.</summary>
    /// <param name="tokens">[B, T]</param>
    /// <param name="targets">[B, T]; that of a row's first token is its class, where there are classes.</param>
    /// <returns>Its loss, in nats.</returns>
    public double Add(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets)
    {
        Mean masked = new(), classes = new();
        for (var start = 0; start < tokens.Length; start += model.Context)
        {
            var sequence = Sequence(tokens.Slice(start, model.Context));
            var wanted = targets.Slice(start, model.Context);
            if (_objective != ObjectiveKind.Masked) classes.Add(program.Classify(sequence), wanted[0]);
            if (_objective == ObjectiveKind.Classification) continue;
            var logits = program.Predict(sequence);
            var vocabulary = logits.Length / sequence.Length;
            for (var t = _objective == ObjectiveKind.MaskedWithOrder ? 1 : 0; t < sequence.Length; t++)
                if (wanted[t] != Masking.Ignored) masked.Add(logits.Slice(t * vocabulary, vocabulary), wanted[t]);
        }

        return _objective switch
        {
            ObjectiveKind.Classification => classes.AddTo(_measures, 0),
            ObjectiveKind.MaskedWithOrder => masked.AddTo(_measures, 0) + classes.AddTo(_measures, 1),
            _ => masked.AddTo(_measures, 0),
        };
    }

    /// <summary>Means over the batches since they were last asked for.</summary>
    public EquatableArray<Measure> Measures()
    {
        var metrics = new StepMetrics();
        _measures.Report(metrics);
        return metrics.ToMeasures();
    }

    /// <summary>Of a task, over a batch.</summary>
    private struct Mean
    {
        private double _nats;
        private int _right, _count;

        public void Add(ReadOnlySpan<float> logits, long target)
        {
            _nats += CrossEntropy.Of(logits, target);
            _count++;
            var best = 0;
            for (var i = 1; i < logits.Length; i++) best = logits[i] > logits[best] ? i : best;
            if (best == target) _right++;
        }

        public readonly double AddTo(TaskMeasures measures, int task) =>
            measures.Add(task, _nats / Math.Max(1, _count), (double)_right / Math.Max(1, _count));
    }
}
