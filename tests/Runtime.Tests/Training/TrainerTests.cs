using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Training;
using TorchSharp;

namespace ModelCompiler.Runtime.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    private readonly TrainingFolder _folder = new();
    private readonly Dataset _data;

    public TrainerTests() => _data = _folder.OpenData();

    public void Dispose()
    {
        _data.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Training_lowers_the_validation_loss_and_keeps_the_best_parameters()
    {
        using var model = BigramModel.Create(torch.CPU, 1);
        var log = new Log();
        var state = Train(model, "a", log);

        Assert.Equal(BigramModel.Definition.Training.Steps, state.Step);
        Assert.Equal(Enumerable.Range(1, state.Steps), log.Steps.Select(step => step.Step));
        Assert.Equal(4, log.Validations.Count);
        Assert.Equal(log.Validations.Min(validation => validation.Loss), state.Best!.Value.Loss);
        Assert.True(state.Best.Value.Loss < log.Validations[0].Loss);
        Assert.Equal(state.Best.Value.Loss / Math.Log(2), state.Best.Value.BitsPerByte, 12); // bytes are tokens
        Assert.Equal(state.Best, ModelCheckpoint.ReadState(RunFolder.BestPath(_folder["a"])).Best);
    }

    [Fact]
    public void The_learning_rate_follows_the_schedule()
    {
        using var model = BigramModel.Create(torch.CPU, 1);
        var log = new Log();
        var schedule = new LearningRateSchedule(BigramModel.Definition.Training, Train(model, "a", log).Steps);
        Assert.All(log.Steps, step => Assert.Equal(schedule.At(step.Step - 1), step.LearningRate));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    [InlineData(77)]
    [InlineData(199)]
    public void A_run_that_is_interrupted_and_resumed_ends_bit_identically(int interruptedAfter) =>
        AssertResumes<BigramModel>(200, interruptedAfter);

    /// <summary>What a run starts from may have been given to it: imported weights, a dense model that is to be pruned.</summary>
    [Fact]
    public void A_run_that_was_ended_before_its_first_step_goes_on_from_the_weights_that_it_was_given()
    {
        using (var model = Given())
            Train(model, "whole");
        using (var interrupt = new CancellationTokenSource())
        using (var model = Given())
        {
            interrupt.Cancel();
            Assert.Equal(0, Train(model, "parts", interrupt: interrupt.Token).Step);
        }

        using (var model = BigramModel.Create(torch.CPU, 1))
            new Trainer(model, _data, ModelCheckpoint.ReadState(RunFolder.LastPath(_folder["parts"])!), _folder["parts"], resumes: true).Run(new Log(), default);
        Assert.Equal(File.ReadAllBytes(RunFolder.LastPath(_folder["whole"])!), File.ReadAllBytes(RunFolder.LastPath(_folder["parts"])!));

        static BigramModel Given()
        {
            var model = BigramModel.Create(torch.CPU, 1);
            model.Parameters.Master.mul_(3);
            return model;
        }
    }

    [Fact]
    public void So_does_a_generated_model_with_dropout() => AssertResumes<DropoutPlain>(60, 33);

    /// <summary>Before the first removal, between two, and after a rewind.</summary>
    [Fact]
    public void So_do_generated_models_that_prune()
    {
        AssertResumes<PrunedCubic>(12, 5);
        AssertResumes<PrunedMuon>(12, 2);
        AssertResumes<PrunedMovement>(12, 6);
        AssertResumes<PrunedWanda>(12, 3);
        AssertResumes<PrunedSparseGpt>(12, 4);
        AssertResumes<PrunedRounds>(12, 7);
        AssertResumes<PrunedParts>(12, 4);
    }

    /// <summary>A validation before the last removal is of a denser model, which is not to be kept as the best.</summary>
    [Fact]
    public void The_best_parameters_are_pruned()
    {
        using var model = PrunedCubic.Create(torch.CPU, 1);
        new Trainer(model, _data, Start<PrunedCubic>() with { Steps = 60 }, _folder["pruned"]).Run(new Log(), default);
        var best = RunFolder.BestPath(_folder["pruned"]);
        Assert.True(ModelCheckpoint.Load(best, model).Step >= 9);
        Assert.Equal(((3 * 3 * 32 * 64) + (32 * 32)) / 2, model.Parameters.Parameters().Sum(pair => (pair.Value == 0).sum().item<long>()));

        // A run that ends before the schedule has none.
        using var unfinished = PrunedCubic.Create(torch.CPU, 1);
        new Trainer(unfinished, _data, Start<PrunedCubic>() with { Steps = 4 }, _folder["short"]).Run(new Log(), default);
        Assert.Null(RunFolder.LowestPath(_folder["short"]));
    }

    [Fact]
    public void So_do_generated_models_with_other_optimizers()
    {
        AssertResumes<OptimizerSgd>(12, 5);
        AssertResumes<OptimizerLion>(12, 5);
        AssertResumes<OptimizerMuon>(12, 5);
        AssertResumes<OptimizerAdamW8Bit>(12, 5);
    }

    [Fact]
    public void Averaged_weights_are_validated_and_kept_beside_the_others()
    {
        AssertResumes<Averaging>(30, 13);
        Assert.Equal(File.ReadAllBytes(RunFolder.BestAveragePath(_folder["whole"])), File.ReadAllBytes(RunFolder.BestAveragePath(_folder["parts"])));
        Assert.Equal(File.ReadAllBytes(RunFolder.LastAveragePath(_folder["whole"])), File.ReadAllBytes(RunFolder.LastAveragePath(_folder["parts"])));

        // The last average validates as its run said, and is neither the parameters nor what they started from.
        using var model = Averaging.Create(torch.CPU, 1);
        var last = ModelCheckpoint.Load(RunFolder.LastAveragePath(_folder["whole"]), model);
        Assert.Equal(30, last.Step);
        using var averaged = model.Parameters.Master.clone();
        ModelCheckpoint.Load(RunFolder.LastPath(_folder["whole"])!, model);
        var distance = (averaged - model.Parameters.Master).norm().item<float>();
        Assert.InRange(distance, 1e-4f, 0.5f * model.Parameters.Master.norm().item<float>());
        var lowest = ModelCheckpoint.ReadState(RunFolder.LowestPath(_folder["whole"])!).Best!.Value.Loss;
        Assert.Equal(Math.Min(last.Best!.Value.Loss, ModelCheckpoint.ReadState(RunFolder.BestAveragePath(_folder["whole"])).Best!.Value.Loss), lowest);
    }

    [Fact]
    public void Micro_batches_train_as_one_batch_of_all_of_them()
    {
        var (accumulated, whole) = (new Log(), new Log());
        using (var model = Accumulating.Create(torch.CPU, 1))
            new Trainer(model, _data, Start<Accumulating>() with { Steps = 8 }, _folder["accumulated"]).Run(accumulated, default);
        using (var model = LargeBatch.Create(torch.CPU, 1))
            new Trainer(model, _data, Start<LargeBatch>() with { Steps = 8 }, _folder["whole"]).Run(whole, default);
        foreach (var (a, b) in accumulated.Steps.Zip(whole.Steps))
            Assert.Equal((b.Tokens, b.Loss, b.GradientNorm), (a.Tokens, Near(a.Loss, b.Loss), Near(a.GradientNorm, b.GradientNorm)));

        static double Near(double value, double expected) => Math.Abs(value - expected) < 1e-4 * expected ? expected : value;
    }

    [Fact]
    public void A_run_whose_validation_loss_no_longer_falls_stops_early()
    {
        using var model = Stopping.Create(torch.CPU, 1);
        var log = new Log();
        var state = new Trainer(model, _data, Start<Stopping>(), _folder["a"]).Run(log, default);
        Assert.Equal((12, 12), (state.Step, state.Steps));
        Assert.Equal(3, log.Validations.Count);
        Assert.True(File.Exists(RunFolder.CheckpointPath(_folder["a"], 12)));
    }

    [Fact]
    public void So_do_models_with_a_memory_of_earlier_segments()
    {
        AssertResumes<TransformerXlDropout>(60, 33);
        AssertResumes<TransformerXlMicro>(12, 5);
        AssertResumes<TransformerXlBf16>(20, 7);
        AssertResumes<TransformerXlLengths>(24, 9);
    }

    [Fact]
    public void So_does_a_generated_model_in_bf16() => AssertResumes<Gpt2Bf16>(60, 50);

    [Fact]
    public void Another_seed_gives_another_run()
    {
        using (var model = BigramModel.Create(torch.CPU, 1))
            Train(model, "one");
        using (var model = BigramModel.Create(torch.CPU, 1))
            new Trainer(model, _data, Start<BigramModel>() with { Seed = 2 }, _folder["two"]).Run(new Log(), default);
        Assert.NotEqual(File.ReadAllBytes(RunFolder.LastPath(_folder["one"])!), File.ReadAllBytes(RunFolder.LastPath(_folder["two"])!));
    }

    [Fact]
    public void A_checkpoint_has_parameters_optimizer_state_and_the_state_of_the_run()
    {
        using var model = BigramModel.Create(torch.CPU, 1);
        var state = Train(model, "a");

        using var last = SafetensorsReader.Open(RunFolder.LastPath(_folder["a"])!);
        Assert.Equal(["optimizer.momentum_buffer.table.weight", "table.weight"], last.Tensors.Select(tensor => tensor.Name).Order());
        Assert.Equal([256, 256], last["table.weight"].Shape);
        Assert.Equal(model.Parameters.Master.data<float>().ToArray()[..(256 * 256)], last.Values<float>("table.weight").ToArray());
        Assert.Equal(state, ModelCheckpoint.ReadState(RunFolder.LastPath(_folder["a"])!));
        Assert.Equal("pt", last.Metadata["format"]);

        using var best = SafetensorsReader.Open(RunFolder.BestPath(_folder["a"]));
        Assert.Equal(["table.weight"], best.Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public void A_step_of_the_loop_allocates_less_than_a_kilobyte()
    {
        using var model = Killed.Create(torch.CPU, 1);
        long before = 0, after = 0;
        var log = new Log
        {
            // Between the validations of steps 60 and 120; each eighth step has a checkpoint.
            AfterStep = step => _ = step switch
            {
                89 => before = GC.GetAllocatedBytesForCurrentThread(),
                95 => after = GC.GetAllocatedBytesForCurrentThread(),
                _ => 0,
            },
        };
        new Trainer(model, _data, Start<Killed>(), _folder["a"]).Run(log, default);
        Assert.InRange(after - before, 1, 6 * 1024);
    }

    [Fact]
    public void A_loss_that_is_not_finite_stops_the_run_and_spares_the_checkpoint()
    {
        using var model = BigramModel.Create(torch.CPU, 1);
        byte[]? before = null;
        var log = new Log
        {
            AfterStep = step =>
            {
                if (step != 60)
                    return;
                before = File.ReadAllBytes(RunFolder.LastPath(_folder["a"])!); // of step 50
                model.Parameters.Master.fill_(float.NaN);
            },
        };

        var error = Assert.Throws<TrainingDivergedException>(() => Train(model, "a", log));
        Assert.Contains("at step 61 the loss was NaN", error.Message);
        Assert.Contains("learning-rate (now 20)", error.Message);
        Assert.Equal(before, File.ReadAllBytes(RunFolder.LastPath(_folder["a"])!));
    }

    [Fact]
    public void A_checkpoint_of_another_declaration_is_refused_and_changes_nothing()
    {
        using var model = BigramModel.Create(torch.CPU, 1);
        var path = _folder["foreign.safetensors"];
        ModelCheckpoint.Save(path, model, Start<BigramModel>() with { SpecHash = "another" });
        var before = model.Parameters.Master.data<float>().ToArray();
        model.Parameters.Master.mul_(2);

        var error = Assert.Throws<CheckpointException>(() => ModelCheckpoint.Load(path, model));
        Assert.Contains("written by another declaration than Bigram's", error.Message);
        Assert.Equal(before.Select(value => 2 * value), model.Parameters.Master.data<float>().ToArray());
    }

    [Fact]
    public void A_run_is_continued_only_under_the_declaration_that_it_began_with()
    {
        using var model = Stopping.Create(torch.CPU, 1);
        new Trainer(model, _data, Start<Stopping>() with { Steps = 3 }, _folder["a"]).Run(new Log(), default);
        var state = ModelCheckpoint.ReadState(RunFolder.LastPath(_folder["a"])!);
        Assert.Equal(Stopping.Definition.TrainingKeys, state.TrainingKeys);
        Assert.Contains("training.batch = 4", state.TrainingKeys);

        string[] began = [.. state.TrainingKeys.Except(["training.batch = 4"]), "training.batch = 16", "training.optimizer.clip = 7"];
        var changed = state with { Steps = 6, TrainingKeys = new(began) };
        var error = Assert.Throws<CheckpointException>(() => new Trainer(model, _data, changed, _folder["a"]).Run(new Log(), default));
        Assert.Equal(
            $"The run in '{_folder["a"]}' was declared otherwise: training.batch was 16, now 4; training.optimizer.clip was 7, now not declared. "
            + "Restore that, or start a new run in another --output.",
            error.Message);
        Assert.Equal(6, new Trainer(model, _data, state with { Steps = 6 }, _folder["a"]).Run(new Log(), default).Step);
    }

    [Fact]
    public void A_run_is_continued_only_on_the_text_that_it_began_with()
    {
        using var model = BigramModel.Create(torch.CPU, 1);
        Train(model, "a");
        var state = ModelCheckpoint.ReadState(RunFolder.LastPath(_folder["a"])!) with { Steps = 201 };
        var text = Path.Combine(_folder.Text, "7.txt");
        File.WriteAllText(text, File.ReadAllText(text).Replace("fox", "cat")); // as many tokens
        using var data = _folder.OpenData();
        Assert.Equal(_data.Training.Count, data.Training.Count);
        var error = Assert.Throws<CheckpointException>(() => new Trainer(model, data, state, _folder["a"]).Run(new Log(), default));
        Assert.Contains("was made on another text than", error.Message);
    }

    [Fact]
    public void A_new_run_in_an_old_folder_leaves_no_best_checkpoint_of_the_old_one()
    {
        using (var model = BigramModel.Create(torch.CPU, 1))
            Train(model, "a");
        using var interrupt = new CancellationTokenSource();
        using (var model = BigramModel.Create(torch.CPU, 1))
            Train(model, "a", new Log { AfterStep = step => CancelAt(step, 1, interrupt) }, interrupt.Token);
        Assert.False(File.Exists(RunFolder.BestPath(_folder["a"])));
        Assert.Equal(1, ModelCheckpoint.ReadState(RunFolder.LastPath(_folder["a"])!).Step);
    }

    [Fact]
    public void Without_validation_text_there_is_only_the_last_checkpoint()
    {
        using var data = _folder.OpenData(validation: 0);
        using var model = BigramModel.Create(torch.CPU, 1);
        var log = new Log();
        Assert.Null(new Trainer(model, data, Start<BigramModel>(), _folder["a"]).Run(log, default).Best);
        Assert.Empty(log.Validations);
        Assert.True(File.Exists(RunFolder.LastPath(_folder["a"])!));
        Assert.False(File.Exists(RunFolder.BestPath(_folder["a"])));
    }

    private void AssertResumes<TModel>(int steps, int interruptedAfter)
        where TModel : ICompiledModel<TModel>
    {
        var start = Start<TModel>() with { Steps = steps };
        using (var model = TModel.Create(torch.CPU, 1))
            new Trainer(model, _data, start, _folder["whole"]).Run(new Log(), default);

        using (var interrupt = new CancellationTokenSource())
        using (var model = TModel.Create(torch.CPU, 1))
        {
            var log = new Log { AfterStep = step => CancelAt(step, interruptedAfter, interrupt) };
            Assert.Equal(interruptedAfter, new Trainer(model, _data, start, _folder["parts"]).Run(log, interrupt.Token).Step);
        }

        using (var model = TModel.Create(torch.CPU, 1))
        {
            model.Parameters.Master.fill_(99); // the parameters come from the checkpoint
            var log = new Log();
            var state = ModelCheckpoint.ReadState(RunFolder.LastPath(_folder["parts"])!);
            new Trainer(model, _data, state, _folder["parts"]).Run(log, default);
            Assert.Equal(interruptedAfter + 1, log.Steps[0].Step);
        }

        // The files hold parameters, optimizer state and metadata, and nothing of the time or place.
        Assert.Equal(File.ReadAllBytes(RunFolder.LastPath(_folder["whole"])!), File.ReadAllBytes(RunFolder.LastPath(_folder["parts"])!));
        Assert.Equal(File.ReadAllBytes(RunFolder.BestPath(_folder["whole"])), File.ReadAllBytes(RunFolder.BestPath(_folder["parts"])));
    }

    private static void CancelAt(int step, int last, CancellationTokenSource interrupt)
    {
        if (step == last)
            interrupt.Cancel();
    }

    private RunState Start<TModel>()
        where TModel : ICompiledModel<TModel> => TestSettings.Start<TModel>(_data, TModel.Definition.Training.Steps);

    private RunState Train(BigramModel model, string name, Log? log = null, CancellationToken interrupt = default) =>
        new Trainer(model, _data, Start<BigramModel>(), _folder[name]).Run(log ?? new Log(), interrupt);

    private sealed class Log : ITrainingObserver
    {
        public List<StepReport> Steps { get; } = [];

        public List<EvaluationResult> Validations { get; } = [];

        public Action<int>? AfterStep { get; init; }

        public void Stepped(StepReport report)
        {
            Steps.Add(report);
            AfterStep?.Invoke(report.Step);
        }

        public void Validated(int step, EvaluationResult result) => Validations.Add(result);
    }
}
