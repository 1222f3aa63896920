using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Tests.Training;
using ModelCompiler.Runtime.Training;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Generated students: their steps against TorchSharp's autograd over student, teacher and loss.</summary>
public sealed class DistillationTests
{
    [Fact]
    public void Logits() => Compare<Distilled, DistillingTeacher>("distilled.model.yaml", "distilling-teacher.model.yaml", 1e-4);

    [Fact]
    public void Logits_of_a_capped_teacher_with_several_blocks() => Compare<DistilledCapped, CappedTeacher>("distilled-capped.model.yaml", "capped-teacher.model.yaml", 1e-4);

    [Fact]
    public void Logits_in_bf16() => Compare<DistilledBf16, DistillingTeacher>("distilled-bf16.model.yaml", "distilling-teacher.model.yaml", 0.1);

    private static void Compare<TStudent, TTeacher>(string file, string teacherFile, double tolerance)
        where TStudent : ICompiledModel<TStudent>
        where TTeacher : ICompiledModel<TTeacher>
    {
        using var scope = NewDisposeScope();
        using var student = TStudent.Create(CPU, seed: 1);
        using var teacher = TTeacher.Create(CPU, seed: 2);
        GeneratedModels.Scramble(student);
        GeneratedModels.Scramble(teacher);
        var (tokens, targets) = GeneratedModels.Batch(student, seed: 1);
        Tensor Rows(long[] values) => tensor(values).view(student.Description.Batch, student.Description.Context);
        var (reference, taught) = (new TorchReference(student, file, step: 0), new TorchReference(teacher, teacherFile, step: 0));
        var settings = ReadSettings(file);

        var logits = reference.Logits(Rows(tokens)).view(-1, 256);
        var plain = F.cross_entropy(logits.to(ScalarType.Float32), Rows(targets).view(-1));
        Tensor distance;
        using (no_grad()) distance = taught.Logits(Rows(tokens)).view(-1, 256).detach().to(ScalarType.Float32);
        distance = Divergence(logits.to(ScalarType.Float32), distance, settings);
        ((plain * (1 - settings.Weight)) + (distance * settings.Weight)).backward();

        using var training = student.CreateTraining();
        training.Distillation!.Teach(teacher);
        var loss = training.Backpropagate(tokens, targets);

        Assert.Equal(plain.item<float>(), loss, tolerance);
        Assert.Equal(distance.item<float>(), Metric(training, "divergence"), tolerance * Math.Max(1, distance.item<float>()));
        GradientTests.AssertClose(student, reference, tolerance, 1.0 / student.Description.Training.Accumulate);
        Assert.Equal(plain.item<float>(), training.Evaluate(tokens, targets), tolerance);
        Assert.Equal(training.ArenaBytes, training.ArenaBytesUsed);
    }

    private static DistillationSpec ReadSettings(string file) => ModelCompiler.Compiler.Frontends.YamlFrontend
        .Read(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Models", file)), file).Spec!.Training.Distillation!;

    private static double Metric(ITrainingProgram training, string name)
    {
        var metrics = new StepMetrics();
        training.Distillation!.Report(metrics);
        return metrics.Find(name)!.Value;
    }

    /// <summary>τ² times the mean over the rows.</summary>
    private static Tensor Divergence(Tensor student, Tensor teacher, DistillationSpec settings)
    {
        var (q, p) = ((student / settings.Temperature).softmax(-1), (teacher / settings.Temperature).softmax(-1));
        static Tensor Kl(Tensor a, Tensor b) => (a * (a.log() - b.log())).sum(-1).mean();
        var m = (p * settings.Beta) + (q * (1 - settings.Beta));
        return settings.Temperature * settings.Temperature * settings.Divergence switch
        {
            DivergenceKind.ForwardKl => Kl(p, q),
            DivergenceKind.ReverseKl => Kl(q, p),
            _ => (Kl(p, m) * settings.Beta) + (Kl(q, m) * (1 - settings.Beta)),
        };
    }

    [Fact]
    public void A_step_without_weights_of_the_teacher_says_so()
    {
        using var student = Distilled.Create(CPU, seed: 1);
        using var training = student.CreateTraining();
        var (tokens, targets) = GeneratedModels.Batch(student, seed: 1);
        Assert.Contains("Distillation.Teach", Assert.Throws<InvalidOperationException>(() => training.Backpropagate(tokens, targets)).Message);
        training.Evaluate(tokens, targets); // needs none
    }

    [Fact]
    public void A_student_starts_as_layers_of_its_teacher()
    {
        using var student = DistilledBf16.Create(CPU, seed: 1);
        using var teacher = DistillingTeacher.Create(CPU, seed: 2);
        GeneratedModels.Scramble(teacher);
        using var training = student.CreateTraining();
        Assert.Equal(student.Description.Parameters.Count, training.Distillation!.Initialize(student, teacher));
        var known = teacher.Parameters.Parameters().ToDictionary(p => p.Name, p => p.Value);
        foreach (var (name, value) in student.Parameters.Parameters())
        {
            var from = name.Replace("blocks.1.", "blocks.3.", StringComparison.Ordinal).Replace("blocks.0.", "blocks.1.", StringComparison.Ordinal);
            Assert.True(known[from].Equals(value), $"{name} is not {from}");
        }
    }

    [Fact]
    public void A_run_finds_its_teacher_and_is_resumed_bit_identically()
    {
        using var folder = new TrainingFolder();
        using var data = folder.OpenData();
        var runs = new GeneratedRuns(folder, data);
        var missing = Assert.Throws<DataException>(() => runs.Run<Distilled>("runs/student"));
        Assert.Contains("Distilled learns from DistillingTeacher, whose weights are looked for in", missing.Message);

        runs.Run<DistillingTeacher>("runs/DistillingTeacher");
        runs.AssertResumes<Distilled>(stoppedAt: 9);
        runs.AssertResumes<DistilledBf16>(stoppedAt: 9);

        runs.Run<DistillingTeacher>("runs/DistillingTeacher", seed: 2);
        var other = Assert.Throws<CheckpointException>(() => runs.Run<Distilled>("runs/Distilled-parts", resume: true, steps: 30));
        Assert.Contains("taught by other weights", other.Message);
    }
}
