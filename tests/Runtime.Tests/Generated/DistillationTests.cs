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

    [Fact]
    public void Layers_of_another_width() => Compare<DistilledLayers, DistillingTeacher>("distilled-layers.model.yaml", "distilling-teacher.model.yaml", 1e-4);

    [Fact]
    public void Layers_of_the_same_width_and_attention_head_by_head() =>
        Compare<DistilledMinilm, DistillingTeacher>("distilled-minilm.model.yaml", "distilling-teacher.model.yaml", 1e-4);

    [Fact]
    public void Encoders() => Compare<DistilledEncoder, EncodingTeacher>("distilled-encoder.model.yaml", "encoding-teacher.model.yaml", 1e-4);

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

        var logits = reference.Logits(Rows(tokens)).view(-1, student.Description.Vocabulary);
        var plain = F.cross_entropy(logits.to(ScalarType.Float32), Rows(targets).view(-1));
        Tensor distance;
        using (no_grad()) distance = taught.Logits(Rows(tokens)).view(-1, student.Description.Vocabulary).detach().to(ScalarType.Float32);
        distance = Divergence(logits.to(ScalarType.Float32), distance, settings);
        using var training = student.CreateTraining();
        training.Distillation!.Teach(teacher);
        var layers = new LayerReference(settings, reference, taught, training.Distillation, causal: student.Description.Training.Objective.Kind == ObjectiveKind.Causal);
        ((plain * (1 - settings.Weight)) + (distance * settings.Weight) + layers.Objective).backward();

        var loss = training.Backpropagate(tokens, targets);

        Assert.Equal(plain.item<float>(), loss, tolerance);
        AssertMetric(training, "divergence", distance);
        if (layers.Hidden is { } hidden) AssertMetric(training, "hidden-loss", hidden);
        if (layers.Relations is { } relations) AssertMetric(training, "relation-loss", relations);
        GradientTests.AssertClose(student, reference, tolerance, 1.0 / student.Description.Training.Accumulate);
        layers.AssertProjections(tolerance, 1.0 / student.Description.Training.Accumulate);
        Assert.Equal(plain.item<float>(), training.Evaluate(tokens, targets), tolerance);
        Assert.Equal(training.ArenaBytes, training.ArenaBytesUsed);

        void AssertMetric(ITrainingProgram of, string name, Tensor expected) =>
            Assert.Equal(expected.item<float>(), Metric(of, name), tolerance * Math.Max(1, expected.item<float>()));
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
    public void Runs_find_their_teacher_and_are_resumed_bit_identically()
    {
        using var folder = new TrainingFolder();
        using var data = folder.OpenData();
        var runs = new GeneratedRuns(folder, data);
        var missing = Assert.Throws<DataException>(() => runs.Run<Distilled>("runs/student"));
        Assert.Contains("Distilled learns from DistillingTeacher, whose weights are looked for in", missing.Message);

        runs.Run<DistillingTeacher>("runs/DistillingTeacher");
        runs.AssertResumes<Distilled>(stoppedAt: 5);
        runs.AssertResumes<DistilledBf16>(stoppedAt: 5);
        runs.AssertResumes<DistilledLayers>(stoppedAt: 5);
        runs.AssertResumes<DistilledMinilm>(stoppedAt: 5);
        runs.AssertResumes<DistilledCached>(stoppedAt: 5);
        runs.AssertResumes<DistilledOnPolicy>(stoppedAt: 5);

        runs.Run<DistillingTeacher>("runs/DistillingTeacher", seed: 2);
        var other = Assert.Throws<CheckpointException>(() => runs.Run<Distilled>("runs/Distilled-parts", resume: true, steps: 15));
        Assert.Contains("taught by other weights", other.Message);
    }

    /// <summary>All tokens are kept, so nothing is lost but rounding.</summary>
    [Fact]
    public void Kept_predictions_teach_as_the_teacher_does()
    {
        using var folder = new TrainingFolder();
        using var data = folder.OpenData();
        var runs = new GeneratedRuns(folder, data);
        runs.Run<DistillingTeacher>("runs/DistillingTeacher");
        var (running, kept) = (runs.Run<Distilled>("runs/a").Steps, runs.Run<DistilledCached>("runs/b").Steps);
        foreach (var (expected, actual) in running.Zip(kept))
        {
            Assert.Equal(expected.Loss, actual.Loss, 2e-4);
            Assert.Equal(expected.Divergence, actual.Divergence, 2e-4);
            Assert.Equal(expected.GradientNorm, actual.GradientNorm, 2e-3);
        }

        using var cached = DistilledCached.Create(CPU, seed: 1);
        using var program = cached.CreateTraining();
        using var plain = Distilled.Create(CPU, seed: 1);
        using var teaching = plain.CreateTraining();
        Assert.True(cached.Description.Memory!.Others.Count == 0 && plain.Description.Memory!.Others is [("the teacher", > 0)]);
        Assert.Contains("takes no weights", Assert.Throws<InvalidOperationException>(() => program.Distillation!.Teach(cached)).Message);
    }

    /// <summary>Each time a run goes back it leaves a batch out, and reads one more at its end.</summary>
    [Fact]
    public void Predictions_are_kept_for_a_run_that_goes_back_too()
    {
        using var folder = new TrainingFolder();
        using var data = folder.OpenData();
        new GeneratedRuns(folder, data).Run<DistillingTeacher>("runs/DistillingTeacher");
        using var model = DistilledCached.Create(CPU, seed: 1);
        using var program = model.CreateTraining();
        var run = Training.TestSettings.Start<DistilledCached>(data, steps: 12);
        using var text = new Runtime.Training.Feeds.SourceFeed(new Runtime.Data.Batches.BatchSource(data.Training, 8, 16, seed: 1));
        using var feed = program.Distillation!.Begin(model, folder["runs/student"], data, run, text, _ => { }, default);
        foreach (var position in (long[])[11, 21]) Backpropagate(position);
        Assert.Contains("ends before micro-batch 44", Assert.Throws<DataException>(() => Backpropagate(22)).Message);

        void Backpropagate(long position)
        {
            var batch = feed.Next(position);
            for (var micro = 0; micro < 2; micro++) program.Backpropagate(batch.Tokens.Slice(micro * 64, 64), batch.Targets.Slice(micro * 64, 64));
        }
    }

    [Fact]
    public void On_policy_sequences_are_the_students_own()
    {
        using var folder = new TrainingFolder();
        using var data = folder.OpenData();
        using var student = DistilledOnPolicy.Create(CPU, seed: 1);
        using var text = new Runtime.Training.Feeds.SourceFeed(new Runtime.Data.Batches.BatchSource(data.Training, 4, 16, seed: 1));
        using var again = new Runtime.Training.Feeds.SourceFeed(new Runtime.Data.Batches.BatchSource(data.Training, 4, 16, seed: 1));
        using var feed = new Runtime.Training.Feeds.OnPolicyFeed(text, student, new OnPolicySpec { Share = 0.5, Every = 2, Prompt = 5, Temperature = 0 }, seed: 1);
        using var inference = student.CreateInference();
        for (var position = 0L; position < 3; position++)
        {
            var (batch, expected) = (feed.Next(position), again.Next(position));
            for (var row = 0; row < 4; row++)
            {
                var written = position % 2 == 0 && row < 2;
                var tokens = batch.Tokens.Slice(row * 16, 16).ToArray();
                Assert.Equal(expected.Tokens.Slice(row * 16, written ? 5 : 16).ToArray(), tokens[..(written ? 5 : 16)]);
                Assert.Equal(tokens[1..], batch.Targets.Slice(row * 16, 15).ToArray());
                if (!written) continue;
                inference.Reset();
                var logits = inference.Forward([.. tokens[..5].Select(token => (int)token)]).ToArray();
                for (var i = 5; i <= 16; i++)
                {
                    var next = i < 16 ? tokens[i] : batch.Targets[(row * 16) + 15];
                    Assert.Equal(Array.IndexOf(logits, logits.Max()), next);
                    if (i < 16) logits = inference.Forward([(int)next]).ToArray();
                }
            }
        }
    }

    /// <summary>The losses between layers, in plain TorchSharp.</summary>
    private sealed class LayerReference
    {
        private readonly bool _causal;
        private readonly List<(Tensor Weight, Tensor Gradient)> _projections = [];

        public LayerReference(DistillationSpec settings, TorchReference student, TorchReference teacher, Distillation distillation, bool causal)
        {
            _causal = causal;
            var layers = student.Outputs.Count;
            int[] map = settings.Layers.Count > 0 ? [.. settings.Layers] : [.. Enumerable.Range(1, layers).Select(i => Math.Max(1, i * teacher.Outputs.Count / layers) - 1)];
            if (settings.Hidden is { } hidden)
            {
                Hidden = zeros([]);
                for (var i = 0; i < layers; i++)
                {
                    var y = student.Outputs[i];
                    if (distillation.Projections is not null)
                    {
                        var weight = distillation.Projection(i).Weight.clone().requires_grad_(true);
                        _projections.Add((weight, distillation.Projection(i).Gradient));
                        y = y.matmul(weight.t());
                    }

                    Hidden = Hidden + (y - teacher.Outputs[map[i]].detach()).square().mean();
                }

                Objective = Objective + (Hidden * hidden.Weight);
            }

            if (settings.Relations is not { } relations) return;
            var (own, taught) = (student.Heads[^1], teacher.Heads[map[^1]].Select(x => x.detach()).ToArray());
            Relations = relations.Kind == RelationKind.Minilm
                ? (Relation(Repeated(own[1], own[0]), own[0], Repeated(taught[1], taught[0]), taught[0]) + Relation(own[2], own[2], taught[2], taught[2])) / 2
                : Enumerable.Range(0, 3).Select(i => (Split(own[i], relations.Heads), Split(taught[i], relations.Heads)))
                    .Select(pair => Relation(pair.Item1, pair.Item1, pair.Item2, pair.Item2)).Aggregate((a, b) => a + b) / 3;
            Objective = Objective + (Relations * relations.Weight);
        }

        public Tensor Objective { get; } = zeros([]);

        public Tensor? Hidden { get; }

        public Tensor? Relations { get; }

        public void AssertProjections(double tolerance, double scale)
        {
            foreach (var (weight, gradient) in _projections)
                Assert.True((weight.grad! - (gradient / scale)).abs().max().item<float>() < tolerance * weight.grad!.abs().max().item<float>());
        }

        private static Tensor Repeated(Tensor keys, Tensor queries) => keys.repeat_interleave(queries.shape[1] / keys.shape[1], 1);

        /// <summary>All heads side by side, then cut into as many as are asked for.</summary>
        private static Tensor Split(Tensor heads, int count)
        {
            var rows = heads.transpose(1, 2).reshape(heads.shape[0], heads.shape[2], -1);
            return rows.view(rows.shape[0], rows.shape[1], count, -1).transpose(1, 2);
        }

        private Tensor Relation(Tensor right, Tensor left, Tensor taughtRight, Tensor taughtLeft)
        {
            Tensor Rows(Tensor a, Tensor b)
            {
                var scores = a.matmul(b.transpose(-1, -2)) / Math.Sqrt(a.shape[^1]);
                return (_causal ? scores.masked_fill(ones(scores.shape[^1], scores.shape[^1], ScalarType.Bool).triu(1), -1e9) : scores).softmax(-1);
            }

            var (q, p) = (Rows(left, right), Rows(taughtLeft, taughtRight));
            return (p * ((p + 1e-30).log() - (q + 1e-30).log())).sum(-1).mean();
        }
    }
}
