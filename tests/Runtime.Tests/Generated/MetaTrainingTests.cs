using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Tests.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Runs of models that learn to adapt, by the trainer.</summary>
public sealed class MetaTrainingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_resumed_run_of_texts_ends_bit_identically() => AssertResumes<MetaRates>();

    [Fact]
    public void So_does_one_in_bf16_with_averaged_weights() => AssertResumes<MetaBf16>();

    [Fact]
    public void Tasks_of_numbers_are_learned()
    {
        using var model = MetaSinusoid.Create(CPU, seed: 1);
        using var data = Dataset.Open(MetaSinusoid.Definition.Training, 0);
        var log = new Log();
        var state = new Trainer(model, data, TestSettings.Start<MetaSinusoid>(data, 6000), _folder["run"]).Run(log, default);
        Assert.Equal(6000, state.Step);
        Assert.True(log.Validations.Count >= 3 && log.Validations[^1] < 0.8 * log.Validations[0], string.Join(", ", log.Validations));
    }

    public void Dispose() => _folder.Dispose();

    private void AssertResumes<TModel>()
        where TModel : ICompiledModel<TModel>
    {
        var texts = _folder.Write("texts.jsonl", string.Join('\n', Enumerable.Range(0, 60).Select(i => $$"""{"text": "task {{i % 6}} says {{i}}", "task": "{{i % 6}}"}""")));
        using var data = Dataset.Open(TModel.Definition.Training with { Source = texts }, 256);
        using (var whole = TModel.Create(CPU, seed: 1))
            new Trainer(whole, data, TestSettings.Start<TModel>(data, 6), _folder["whole"]).Run(new Log(), default);
        using (var first = TModel.Create(CPU, seed: 1))
        using (var stop = new CancellationTokenSource())
            new Trainer(first, data, TestSettings.Start<TModel>(data, 6), _folder["parts"]).Run(new Log { StopAfter = (2, stop) }, stop.Token);
        using (var second = TModel.Create(CPU, seed: 9))
            new Trainer(second, data, ModelCheckpoint.ReadState(RunFolder.LastPath(_folder["parts"])!), _folder["parts"]).Run(new Log(), default);
        Assert.Equal(File.ReadAllBytes(RunFolder.LastPath(_folder["whole"])!), File.ReadAllBytes(RunFolder.LastPath(_folder["parts"])!));
    }

    private sealed class Log : ITrainingObserver
    {
        public (int Step, CancellationTokenSource Stop)? StopAfter { get; init; }

        public List<double> Validations { get; } = [];

        public void Stepped(StepReport report)
        {
            if (StopAfter is var (step, stop) && report.Step == step) stop.Cancel();
        }

        public void Validated(int step, EvaluationResult result) => Validations.Add(result.Loss);
    }
}
