using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Training.Feeds;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// What a training program learns from: its teacher's weights or kept predictions, and how far the two are apart. The teacher's forward pass
/// is a part of the generated step.
/// </summary>
/// <param name="settings">The declaration.</param>
/// <param name="device">Where the steps run.</param>
/// <param name="create">Makes the teacher, with any parameters.</param>
/// <param name="compute">Element type of its forward pass.</param>
public sealed class Distillation(DistillationSpec settings, Device device, Func<Device, ICompiledModel> create, ScalarType compute)
    : ICheckpointPart, IMetricSource, IDisposable
{
    private readonly LossBalance _balance = new(settings, device);
    private ForwardWeights? _weights;
    private string _digest = "", _expected = "", _path = "";

    /// <summary>Gives the steps the teacher's weights; null where its predictions are kept.</summary>
    public Action<ForwardWeights>? Attach { get; init; }

    /// <summary>Makes the teacher's forward pass by itself; null where it is a part of the steps.</summary>
    public Func<ForwardWeights, ITeacherPass>? Pass { get; init; }

    /// <summary>How the student starts as layers of the teacher; null if it does not.</summary>
    public LayerCopies? Copies { get; init; }

    /// <summary>The teacher's predictions for the micro-batch at hand, where they are kept.</summary>
    public CachedPredictions Predictions { get; init; } = null!;

    /// <summary>Learned projections to the teacher's width, where hidden states of other widths are compared.</summary>
    public LayerProjections? Projections { get; init; }

    /// <inheritdoc/>
    public string Name => "distillation";

    /// <summary>What a step without weights throws.</summary>
    public static InvalidOperationException NoTeacher => new("The teacher has no weights yet. Give it some, with Distillation.Teach.");

    /// <summary>fp32 []: where a micro-batch's hidden-state losses are summed over the layers.</summary>
    public Tensor HiddenLoss => _balance.Sum(LossTerm.Hidden);

    /// <summary>fp32 []: the same of its relation loss.</summary>
    public Tensor RelationLoss => _balance.Sum(LossTerm.Relations);

    /// <summary>What a term is multiplied by beside its weight.</summary>
    public double Balance(LossTerm term) => _balance.Factor(term);

    /// <summary>The projection of a layer of the student.</summary>
    public LayerProjection Projection(int layer) => Projections![layer];

    /// <summary>Takes the weights of a teacher as they are now.</summary>
    /// <param name="teacher">Of the declared teacher's class, on the device of the program.</param>
    /// <exception cref="InvalidOperationException">The teacher's predictions are kept: they come from a run.</exception>
    public void Teach(ICompiledModel teacher)
    {
        if (Attach is null) throw new InvalidOperationException("The declaration keeps the teacher's predictions in a cache, which a run fills; it takes no weights.");
        _weights?.Dispose();
        _weights = new ForwardWeights(teacher.Parameters, compute);
        Attach(_weights);
        _digest = TeacherCheckpoint.Digest(teacher.Parameters);
    }

    /// <summary>Starts a student as the layers of a teacher that its declaration names; does nothing where it names none.</summary>
    /// <returns>The number of parameters that were copied.</returns>
    public int Initialize(ICompiledModel student, ICompiledModel teacher) =>
        Copies is null ? 0 : Copies.Run(student, teacher, settings.Initialize!.Layers);

    /// <summary>Called after each micro-batch.</summary>
    /// <param name="loss">Its cross-entropy.</param>
    /// <param name="divergence">Of the student from the teacher, times the square of the temperature, in nats.</param>
    public void Observe(double loss, double divergence) => _balance.Observe(loss, divergence);

    /// <summary>Called after each update of the parameters.</summary>
    /// <param name="step">Its number, from 1.</param>
    /// <param name="learningRate">Its learning rate.</param>
    /// <param name="lossScale">What the loss was multiplied by before its gradients were taken.</param>
    public void Update(int step, double learningRate, double lossScale = 1)
    {
        _balance.Update();
        Projections?.Update(step, learningRate, lossScale);
    }

    /// <inheritdoc/>
    public void Describe(CheckpointTable table)
    {
        table.Value("teacher", () => _digest, digest => _expected = digest);
        _balance.Describe(table);
        Projections?.Describe(table);
    }

    /// <inheritdoc/>
    public void Restored()
    {
        if (_expected != _digest)
            throw new CheckpointException($"The run was taught by other weights than those in '{_path}'. Restore these, or start a new run in another --output.");
    }

    /// <inheritdoc/>
    public void Report(StepMetrics metrics) => _balance.Report(metrics);

    /// <inheritdoc/>
    public IEnumerable<(string Name, string Value)> Facts() => [("teacher", $"{settings.Teacher}, '{_path}'")];

    public void Dispose()
    {
        _weights?.Dispose();
        Predictions?.Dispose();
        Projections?.Dispose();
        _balance.Dispose();
    }

    /// <summary>Finds the teacher's weights for a run, and what the steps are to see.</summary>
    /// <param name="student">The model of the run.</param>
    /// <param name="folder">The run's folder; the teacher's lies beside it, under its name.</param>
    /// <param name="data">The text.</param>
    /// <param name="run">The run; the student begins with it.</param>
    /// <param name="batches">The batches of the run.</param>
    /// <param name="report">Is told of what was found, and of what takes time.</param>
    /// <param name="interrupt">Ends the filling of a cache.</param>
    /// <returns>The feed that the steps take their batches from.</returns>
    /// <exception cref="DataException">There are no weights, or they do not fit.</exception>
    internal ITrainingFeed Begin(
        ICompiledModel student, string folder, Dataset data, RunState run, ITrainingFeed batches, Action<string> report, CancellationToken interrupt)
    {
        string key;
        using (var teacher = create(device))
        {
            var (own, name) = (student.Description, teacher.Description.Name);
            _path = settings.Checkpoint ?? RunFolder.Beside(folder, name);
            TeacherCheckpoint.Load(own.Name, teacher, _path, data.Tokenizer, report);
            report($"{own.Name} learns from {name} in '{_path}'");
            if (run.Step == 0 && Initialize(student, teacher) is > 0 and var copied)
                report($"{copied} parameters start as those of {name}");
            if (Attach is not null)
            {
                Teach(teacher);
                return settings.OnPolicy is { } policy ? new OnPolicyFeed(batches, student, policy, run.Seed) : batches;
            }

            _digest = TeacherCheckpoint.Digest(teacher.Parameters);
            // The first batch tells streams from windows, and orders apart that follow from a method or another model.
            key = string.Join(' ',
                _digest, teacher.Description.SpecHash, compute, settings.Temperature, Path.GetFileName(data.Training.Path), run.Seed, own.Batch, own.Training.Accumulate,
                own.Context, own.Training.Objective, own.Training.Curriculum, PredictionCache.Hash(batches.Next(0).Tokens));
            var steps = run.Steps + (own.Training.OnNan == NanPolicy.Rewind ? NanGuard.Rewinds : 0); // going back leaves batches out
            if (!Predictions.Open(key, (long)steps * own.Training.Accumulate))
            {
                report($"{name} predicts {steps:N0} batches, which are kept in the cache");
                using var weights = new ForwardWeights(teacher.Parameters, compute);
                using var pass = Pass!(weights);
                Predictions.Fill(key, MicroBatches(batches, steps, own, interrupt), (long)steps * own.Training.Accumulate, pass);
            }
        }

        return new CachedFeed(batches, Predictions, student.Description.Training.Accumulate);
    }

    private static IEnumerable<ReadOnlyMemory<long>> MicroBatches(ITrainingFeed batches, int steps, ModelDescription model, CancellationToken interrupt)
    {
        var tokens = model.Batch * model.Context;
        for (var position = 0L; position < steps; position++)
        {
            var all = batches.Next(position).Tokens.ToArray();
            for (var micro = 0; micro < model.Training.Accumulate; micro++)
            {
                interrupt.ThrowIfCancellationRequested();
                yield return all.AsMemory(micro * tokens, tokens);
            }
        }
    }
}
