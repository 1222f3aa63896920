using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// What a training program learns from: its teacher's weights, and how far the two are apart. The teacher's forward pass is a part of the
/// generated step.
/// </summary>
/// <param name="settings">The declaration.</param>
/// <param name="create">Makes the teacher, with any parameters.</param>
/// <param name="compute">Element type of its forward pass.</param>
/// <param name="copies">How the student starts as layers of it; null if it does not.</param>
/// <param name="attach">Gives the steps its weights.</param>
public sealed class Distillation(
    DistillationSpec settings, Func<Device, ICompiledModel> create, ScalarType compute, LayerCopies? copies, Action<ForwardWeights> attach)
    : ICheckpointPart, IMetricSource, IDisposable
{
    private ForwardWeights? _weights;
    private string _digest = "", _expected = "", _path = "";
    private double _sum;
    private int _count;

    /// <inheritdoc/>
    public string Name => "distillation";

    /// <summary>What a step without weights throws.</summary>
    public static InvalidOperationException NoTeacher => new("The teacher has no weights yet. Give it some, with Distillation.Teach.");

    /// <summary>Takes the weights of a teacher as they are now.</summary>
    /// <param name="teacher">Of the declared teacher's class, on the device of the program.</param>
    public void Teach(ICompiledModel teacher)
    {
        _weights?.Dispose();
        _weights = new ForwardWeights(teacher.Parameters, compute);
        attach(_weights);
        _digest = TeacherCheckpoint.Digest(teacher.Parameters);
    }

    /// <summary>Starts a student as the layers of a teacher that its declaration names; does nothing where it names none.</summary>
    /// <returns>The number of parameters that were copied.</returns>
    public int Initialize(ICompiledModel student, ICompiledModel teacher) =>
        copies is null ? 0 : copies.Run(student, teacher, settings.Initialize!.Layers);

    /// <summary>Called after each micro-batch.</summary>
    /// <param name="divergence">Of the student from the teacher, times the square of the temperature, in nats.</param>
    public void Observe(double divergence)
    {
        _sum += divergence;
        _count++;
    }

    /// <inheritdoc/>
    public void Describe(CheckpointTable table) => table.Value("teacher", () => _digest, digest => _expected = digest);

    /// <inheritdoc/>
    public void Restored()
    {
        if (_expected != _digest)
            throw new CheckpointException($"The run was taught by other weights than those in '{_path}'. Restore these, or start a new run in another --output.");
    }

    /// <inheritdoc/>
    public void Report(StepMetrics metrics)
    {
        metrics.Add("divergence", _count == 0 ? double.NaN : _sum / _count);
        (_sum, _count) = (0, 0);
    }

    /// <inheritdoc/>
    public IEnumerable<(string Name, string Value)> Facts() => [("teacher", $"{settings.Teacher}, '{_path}'")];

    public void Dispose() => _weights?.Dispose();

    /// <summary>Finds the teacher's weights for a run.</summary>
    /// <param name="student">The model of the run.</param>
    /// <param name="folder">The run's folder; the teacher's lies beside it, under its name.</param>
    /// <param name="tokenizer">What the student reads.</param>
    /// <param name="isNew">Whether the run begins, and the student with it.</param>
    /// <param name="report">Is told of what was found.</param>
    /// <exception cref="DataException">There are none, or they do not fit.</exception>
    internal void Begin(ICompiledModel student, string folder, ITextTokenizer tokenizer, bool isNew, Action<string> report)
    {
        using var teacher = create(student.Device);
        var runs = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))!;
        _path = settings.Checkpoint ?? Path.Combine(runs, teacher.Description.Name);
        TeacherCheckpoint.Load(student.Description.Name, teacher, _path, tokenizer, report);
        Teach(teacher);
        report($"{student.Description.Name} learns from {teacher.Description.Name} in '{_path}'");
        if (isNew && Initialize(student, teacher) is > 0 and var copied)
            report($"{copied} parameters start as those of {teacher.Description.Name}");
    }
}
