using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Subsets;
using ModelCompiler.Runtime.Tests.Training;
using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Runs of generated models in one folder, on one text.</summary>
internal sealed class GeneratedRuns(TrainingFolder folder, Dataset data)
{
    /// <summary>A run that is stopped and resumed makes the steps and the last checkpoint of one that is not.</summary>
    public void AssertResumes<TModel>(int stoppedAt)
        where TModel : ICompiledModel<TModel>
    {
        var name = TModel.Definition.Name;
        var whole = Run<TModel>($"runs/{name}-whole");
        var parts = Run<TModel>($"runs/{name}-parts", stopAfter: stoppedAt);
        Assert.Equal(stoppedAt, parts.Steps.Count);
        parts.Steps.AddRange(Run<TModel>($"runs/{name}-parts", resume: true).Steps);

        Assert.True(whole.Steps.SequenceEqual(parts.Steps), name + ": the steps differ");
        Assert.Equal(File.ReadAllBytes(RunFolder.LastPath(folder[$"runs/{name}-whole"])!), File.ReadAllBytes(RunFolder.LastPath(folder[$"runs/{name}-parts"])!));
    }

    public Log Run<TModel>(string name, int stopAfter = int.MaxValue, bool resume = false, int seed = 1, int? steps = null)
        where TModel : ICompiledModel<TModel>
    {
        using var model = TModel.Create(CPU, seed);
        using var interrupt = new CancellationTokenSource();
        var log = new Log(stopAfter, interrupt);
        var state = resume
            ? ModelCheckpoint.ReadState(RunFolder.LastPath(folder[name])!)
            : RunState.Begin(TModel.Definition, TModel.Definition.Training, data, seed);
        new Trainer(model, data, state with { Steps = steps ?? state.Steps }, folder[name]).Run(log, interrupt.Token);
        return log;
    }

    internal sealed record Made(int Step, int Tokens, double Loss, double GradientNorm, double LearningRate, SubsetCounts Counts, double Divergence);

    internal sealed class Log(int stopAfter, CancellationTokenSource interrupt) : ITrainingObserver
    {
        public List<Made> Steps { get; } = [];

        public void Stepped(StepReport report)
        {
            var counts = new SubsetCounts(Count("samples-considered"), Count("samples-trained"), Count("samples-scored"));
            Steps.Add(new Made(report.Step, report.Tokens, report.Loss, report.GradientNorm, report.LearningRate, counts, report.Metrics!.Find("divergence") ?? 0));
            if (report.Step == stopAfter)
                interrupt.Cancel();

            long Count(string name) => (long)(report.Metrics!.Find(name) ?? 0);
        }

        public void Validated(int step, EvaluationResult result)
        {
        }
    }
}
