using System.Diagnostics.CodeAnalysis;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Quality;

/// <summary>A validation of a run.</summary>
/// <param name="Step">Steps made.</param>
/// <param name="Seconds">Processor time of these steps alone, without validation.</param>
/// <param name="Loss">On the fixed validation windows, nats per token.</param>
internal readonly record struct QualityPoint(int Step, double Seconds, double Loss);

/// <summary>Trains a variant from a seed and gives its validations.</summary>
internal static class QualityRun
{
    private const int Validations = 60;

    /// <param name="variant">What is trained.</param>
    /// <param name="seed">Of the weights and the order of the data.</param>
    /// <param name="steps">Of which the variant makes its share.</param>
    /// <param name="folder">Of the run; it stays.</param>
    public static List<QualityPoint> Train(QualityVariant variant, int seed, int steps, string folder)
    {
        using var compiled = variant.Create(seed);
        using var model = new Resized(compiled, (int)Math.Round(steps * variant.Share));
        var training = model.Description.Training;
        using var data = Dataset.Open(training, model.Description.Vocabulary);
        var log = new Log();
        new Trainer(model, data, RunState.Begin(model.Description, training, data, seed), folder).Run(log, default);
        return log.Points;
    }

    /// <summary>
    /// Counts the processor time of the whole process between steps: on one thread it is the time that a step takes, whatever
    /// else the machine does meanwhile.
    /// </summary>
    private sealed class Log : ITrainingObserver
    {
        private TimeSpan _last;
        private double _seconds;

        public List<QualityPoint> Points { get; } = [];

        public void Continues(int step) => _last = Environment.CpuUsage.TotalTime;

        public void Stepped(StepReport report)
        {
            var now = Environment.CpuUsage.TotalTime;
            _seconds += (now - _last).TotalSeconds;
            _last = now;
        }

        public void Validated(int step, EvaluationResult result)
        {
            Points.Add(new QualityPoint(step, _seconds, result.Loss));
            _last = Environment.CpuUsage.TotalTime;
        }
    }

    /// <summary>A model whose run has another number of steps, with everything that is counted in steps in proportion.</summary>
    [SuppressMessage("Reliability", "CA2213", Justification = "The inner model belongs to the caller.")]
    private sealed class Resized : ICompiledModel
    {
        private readonly ICompiledModel _inner;

        public Resized(ICompiledModel inner, int steps)
        {
            _inner = inner;
            var training = inner.Description.Training;
            int Scale(int count) => Math.Max(1, (int)Math.Round((double)count * steps / training.Steps));
            Description = inner.Description with
            {
                Training = training with
                {
                    Steps = steps,
                    Warmup = Scale(training.Warmup),
                    ValidateEvery = Math.Max(1, steps / Validations),
                    CheckpointEvery = steps,
                    Curriculum = training.Curriculum is { } curriculum ? curriculum with { Steps = Scale(curriculum.Steps!.Value) } : null,
                },
            };
        }

        public ModelDescription Description { get; }

        public ParameterStore Parameters => _inner.Parameters;

        public Device Device => _inner.Device;

        public ITrainingProgram CreateTraining() => _inner.CreateTraining();

        public IInferenceProgram CreateInference(int batch = 1) => _inner.CreateInference(batch);

        public void Dispose()
        {
        }
    }
}
