using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Training;
using TorchSharp;

namespace ModelCompiler.Runtime.Tests.Training;

/// <summary>A <see cref="BigramModel"/> whose gradients are not finite on some batches; then its optimizer makes no update, as all do.</summary>
internal sealed class PoisonedModel : ICompiledModel, ITrainingObserver
{
    private readonly BigramModel _inner = BigramModel.Create(torch.CPU, 1);
    private readonly Func<int, bool> _isBad;
    private readonly Dictionary<string, int> _positions = [];
    private readonly List<int> _trained = [];

    public PoisonedModel(NanPolicy policy, Func<int, bool> isBad, Dataset data)
    {
        _isBad = isBad;
        Description = BigramModel.Definition with { Training = BigramModel.Definition.Training with { OnNan = policy } };
        var source = new BatchSource(data.Training, Description.Batch, Description.Context, seed: 1);
        var (tokens, targets) = (new long[source.Batch * source.Sequence], new long[source.Batch * source.Sequence]);
        for (var position = 0; position < 140; position++)
        {
            source.Fill(position, tokens, targets);
            _positions.TryAdd(string.Join(' ', tokens), position);
        }
    }

    public ModelDescription Description { get; }

    public ParameterStore Parameters => _inner.Parameters;

    public torch.Device Device => _inner.Device;

    public List<string> Messages { get; } = [];

    public int Updates { get; private set; }

    /// <summary>The positions of the batches that the run's steps were trained on.</summary>
    public int[] BatchesOf(RunState state) => _trained.ToArray()[^state.Step..];

    public ITrainingProgram CreateTraining() => new Training(this, _inner.CreateTraining());

    public IInferenceProgram CreateInference(int batch = 1) => _inner.CreateInference(batch);

    public void Stepped(StepReport report)
    {
    }

    public void Validated(int step, EvaluationResult result)
    {
    }

    public void Continues(int step) => _trained.RemoveRange(step, _trained.Count - step);

    public void Noticed(string message) => Messages.Add(message);

    public void Dispose() => _inner.Dispose();

    private sealed class Training(PoisonedModel model, ITrainingProgram inner) : ITrainingProgram
    {
        private bool _bad;

        public long ArenaBytes => inner.ArenaBytes;

        public long ArenaBytesUsed => inner.ArenaBytesUsed;

        public IReadOnlyList<int> Lengths => inner.Lengths;

        public int StepNumber { get => inner.StepNumber; set => inner.StepNumber = value; }

        public IReadOnlyDictionary<string, torch.Tensor> OptimizerState => inner.OptimizerState;

        public double Evaluate(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> losses = default) =>
            inner.Evaluate(tokens, targets, losses);

        public double Backpropagate(
            ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, ReadOnlySpan<float> weights = default, Span<float> losses = default)
        {
            var position = model._positions[string.Join(' ', tokens.ToArray())];
            _bad = model._isBad(position);
            if (!_bad || model.Description.Training.OnNan == NanPolicy.Skip)
                model._trained.Add(position);
            return _bad ? double.NaN : inner.Backpropagate(tokens, targets, weights, losses);
        }

        public StepResult Update(double learningRate)
        {
            if (!_bad)
            {
                model.Updates++;
                return inner.Update(learningRate);
            }

            inner.StepNumber++;
            return new StepResult(double.NaN, double.NaN);
        }

        public void Dispose() => inner.Dispose();
    }
}
