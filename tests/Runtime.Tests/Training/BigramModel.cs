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

    public IInferenceProgram CreateInference() => new Inference(this);

    public void Dispose() => Parameters.Dispose();

    private sealed class Training(BigramModel model) : ITrainingProgram
    {
        private readonly Tensor _momentum = zeros(model.Parameters.Master.shape, device: model.Device);

        public long ArenaBytes => 0;

        public long ArenaBytesUsed => ArenaBytes;

        public int StepNumber { get; set; }

        public IReadOnlyDictionary<string, Tensor> OptimizerState => new Dictionary<string, Tensor> { ["momentum_buffer"] = _momentum };

        public double Evaluate(Tensor tokens, Tensor targets)
        {
            using var scope = NewDisposeScope();
            return LogProbabilities(tokens).gather(1, targets.view(-1, 1)).mean().neg().item<float>();
        }

        public StepResult Step(Tensor tokens, Tensor targets, double learningRate)
        {
            using var scope = NewDisposeScope();
            var logProbabilities = LogProbabilities(tokens);
            var loss = logProbabilities.gather(1, targets.view(-1, 1)).mean().neg().item<float>();

            // d loss / d logits = (softmax − one-hot) / N, added up by row of the table.
            var gradient = logProbabilities.exp() - nn.functional.one_hot(targets.view(-1), V);
            var table = zeros(V, V).index_add(0, tokens.view(-1), gradient / tokens.numel(), 1);
            _momentum.narrow(0, 0, V * V).mul_(0.5).add_(table.view(-1));
            model.Parameters.Master.sub_(_momentum * learningRate);
            StepNumber++;
            return new StepResult(loss, table.norm().item<float>());
        }

        public void Dispose() => _momentum.Dispose();

        private Tensor LogProbabilities(Tensor tokens) => model.Table.index_select(0, tokens.view(-1)).log_softmax(1);
    }

    private sealed class Inference(BigramModel model) : IInferenceProgram
    {
        public int Context => Definition.Context;

        public int Position { get; private set; }

        public void Reset() => Position = 0;

        public ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens)
        {
            Position += tokens.Length;
            using var scope = NewDisposeScope();
            return model.Table[tokens[^1]].data<float>().ToArray();
        }

        public void Dispose()
        {
        }
    }
}
