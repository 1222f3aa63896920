using ModelCompiler.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Training;

/// <summary>
/// The smallest language model, written out by hand: the logits of the next token are a row of a table [V, V]. It stands in
/// for a generated model where the code around models is tested. Its optimizer is SGD with momentum.
/// </summary>
internal sealed class BigramModel : ICompiledModel<BigramModel>
{
    private const int V = 256;

    private BigramModel(Device device, int seed)
    {
        Device = device;
        Parameters = new ParameterStore(device, Definition.Parameters, ScalarType.Float32);
        Parameters.Initialize(seed);
    }

    public static ModelDescription Definition { get; } = new()
    {
        Name = "Bigram",
        Vocabulary = V,
        Context = 16,
        Batch = 4,
        SpecHash = "bigram",
        Parameters = [new ParameterInfo("table.weight", [V, V], 0, Decay: true, ParameterInit.Normal(0.02))],
        Training = TestSettings.Create() with { LearningRate = 20, Steps = 200, Warmup = 4 },
    };

    public ModelDescription Description => Definition;

    public ParameterStore Parameters { get; }

    public Device Device { get; }

    private Tensor Table => Parameters.Master.narrow(0, 0, V * V).view(V, V);

    public static BigramModel Create(Device device, int seed) => new(device, seed);

    public ITrainingProgram CreateTraining() => new Training(this);

    public IInferenceProgram CreateInference(int batch = 1) => new Inference(this, batch);

    public void Dispose() => Parameters.Dispose();

    private sealed class Training(BigramModel model) : ITrainingProgram
    {
        private readonly Tensor _momentum = zeros(model.Parameters.Master.shape, device: model.Device);
        private readonly Tensor _gradient = zeros([V, V], device: model.Device);
        private double _loss;

        public long ArenaBytes => 0;

        public long ArenaBytesUsed => ArenaBytes;

        public IReadOnlyList<int> Lengths => [Definition.Context];

        public int StepNumber { get; set; }

        public IReadOnlyDictionary<string, Tensor> OptimizerState => new Dictionary<string, Tensor> { ["momentum_buffer"] = _momentum };

        public double Evaluate(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, Span<float> losses = default)
        {
            using var scope = NewDisposeScope();
            return Losses(LogProbabilities(Ids(tokens)), targets, losses).mean().item<float>();
        }

        public double Backpropagate(
            ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, ReadOnlySpan<float> weights = default, Span<float> losses = default)
        {
            using var scope = NewDisposeScope();
            var ids = Ids(tokens);
            var logProbabilities = LogProbabilities(ids);
            var weight = weights.IsEmpty ? ones(Definition.Batch) : tensor(weights.ToArray());
            _loss = (Losses(logProbabilities, targets, losses) * weight).mean().item<float>();

            // d loss / d logits = (softmax − one-hot) · weight / N, added up by row of the table.
            var gradient = (logProbabilities.exp() - nn.functional.one_hot(Ids(targets), V)) * weight.repeat_interleave(Definition.Context).view(-1, 1);
            _gradient.zero_().index_add_(0, ids, gradient / ids.numel(), 1);
            return _loss;
        }

        public StepResult Update(double learningRate)
        {
            using var scope = NewDisposeScope();
            _momentum.narrow(0, 0, V * V).mul_(0.5).add_(_gradient.view(-1));
            model.Parameters.Master.sub_(_momentum * learningRate);
            StepNumber++;
            return new StepResult(_loss, _gradient.norm().item<float>());
        }

        public void Dispose()
        {
            _momentum.Dispose();
            _gradient.Dispose();
        }

        private static Tensor Ids(ReadOnlySpan<long> values) => tensor(values.ToArray());

        private static Tensor Losses(Tensor logProbabilities, ReadOnlySpan<long> targets, Span<float> losses)
        {
            var bySequence = logProbabilities.gather(1, Ids(targets).view(-1, 1)).view(-1, Definition.Context).mean([1]).neg();
            if (!losses.IsEmpty) bySequence.data<float>().ToArray().CopyTo(losses);
            return bySequence;
        }

        private Tensor LogProbabilities(Tensor tokens) => model.Table.index_select(0, tokens).log_softmax(1);
    }

    private sealed class Inference(BigramModel model, int batch) : IInferenceProgram
    {
        private readonly int[] _positions = new int[batch];

        public int Batch => batch;

        public int Vocabulary => V;

        public int Context => Definition.Context;

        public bool CanTruncate => true;

        public int PositionOf(int sequence) => _positions[sequence];

        public int Truncate(int sequence, int position) => _positions[sequence] = Math.Min(position, _positions[sequence]);

        public ReadOnlySpan<float> Forward(int sequence, scoped ReadOnlySpan<int> tokens, int rows = 1)
        {
            _positions[sequence] += tokens.Length;
            return Logits(tokens[^rows..]);
        }

        public ReadOnlySpan<float> Step(scoped ReadOnlySpan<int> sequences, scoped ReadOnlySpan<int> tokens)
        {
            foreach (var sequence in sequences) _positions[sequence]++;
            return Logits(tokens);
        }

        public void Dispose()
        {
        }

        private float[] Logits(ReadOnlySpan<int> tokens)
        {
            using var scope = NewDisposeScope();
            return [.. tokens.ToArray().SelectMany(token => model.Table[token].data<float>().ToArray())];
        }
    }
}
