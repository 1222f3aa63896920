using ModelCompiler.Compiler.Emit;
using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Emit;

public sealed class TrainingKeysTests
{
    private static readonly ModelSpec s_spec = Models.Gpt2 with
    {
        Architecture = Models.Gpt2.Architecture with { Dropout = 0.1 },
        Training = Models.Gpt2.Training with
        {
            Accumulate = 2,
            Steps = 300,
            Ema = new(),
            Optimizer = new() { LearningRate = 3e-3 },
            Curriculum = new(),
            Subset = new() { Method = SubsetMethod.Infobatch },
        },
    };

    [Fact]
    public void They_are_what_is_declared_and_what_follows_from_it() => Assert.Equal(
        [
            "architecture.family = decoder", "architecture.vocabulary = 7", "architecture.context = 4", "architecture.width = 8", "architecture.layers = 3",
            "architecture.heads = 2", "architecture.dropout = 0.1", "training.batch = 2", "training.accumulate = 2",
            "training.optimizer.learning-rate = 0.003", "training.ema = {}", "training.curriculum.from = 1", "training.curriculum.to = 4",
            "training.curriculum.steps = 100", "training.curriculum.multiple = 1", "training.subset.method = infobatch",
        ],
        TrainingKeys.Of(s_spec));

    [Fact]
    public void What_decides_about_steps_changes_them()
    {
        var training = s_spec.Training;
        var precision = new PrecisionSpec { Compute = Precision.Fp16 };
        var fp16 = s_spec with { Efficiency = new() { Precision = precision } };
        AssertOther(fp16, fp16 with { Efficiency = new() { Precision = precision with { LossScale = new() { Interval = 50 } } } });
        AssertOther(s_spec, s_spec with { Architecture = s_spec.Architecture with { Dropout = 0.2 } });
        AssertOther(s_spec, s_spec with { Efficiency = new() { TokenDrop = new() } });
        AssertOther(s_spec, s_spec with { Training = training with { Batch = 3 } });
        AssertOther(s_spec, s_spec with { Training = training with { Optimizer = training.Optimizer with { Clip = 7 } } });
        AssertOther(s_spec, s_spec with { Training = training with { Curriculum = new() { Steps = 99 } } });
        AssertOther(s_spec, s_spec with { Training = training with { Steps = 600 } }); // of the curriculum, which are not declared
        AssertOther(s_spec, s_spec with { Training = training with { Subset = training.Subset! with { Prune = 0.4 } } });
        AssertOther(Models.Blocks, Models.Blocks with
        {
            Architecture = Models.Blocks.Architecture with { Blocks = Models.Blocks.Architecture.Blocks.Append(new DropoutLayer { Rate = 0.1 }).ToEquatableArray() },
        });
        AssertOther(Quantized(RoundingMethod.Qat, 32), Quantized(RoundingMethod.Qat, 64));
        AssertOther(Pruned(300), Pruned(600));
    }

    [Fact]
    public void What_may_be_changed_in_a_run_does_not()
    {
        var training = Models.Gpt2.Training;
        AssertSame(Models.Gpt2 with
        {
            Training = training with
            {
                Steps = 5000, Seed = 3, ValidateEvery = 7, EarlyStop = new(), Checkpoints = new() { Keep = 9, Every = 3 }, OnNan = NanPolicy.Skip,
                Data = new() { Source = "elsewhere" },
            },
        });
        AssertSame(Models.Gpt2.With(new CheckpointSpec { Every = 1 })); // gradients are bit-identical
        AssertSame(Quantized(RoundingMethod.Gptq, 64));
        AssertSame(Models.Gpt2 with { Export = new() { OpsetOnly = true } });

        static void AssertSame(ModelSpec changed) => Assert.Equal(TrainingKeys.Of(Models.Gpt2), TrainingKeys.Of(changed));
    }

    [Fact]
    public void What_is_free_to_change_is_a_part_of_the_language() =>
        Assert.All(TrainingKeys.Free, path =>
        {
            var type = typeof(ModelSpec);
            foreach (var name in path.Split('.'))
            {
                var key = RecordShape.Of(type).Find(name);
                Assert.NotNull(key);
                type = key.Type;
            }
        });

    private static void AssertOther(ModelSpec a, ModelSpec b) => Assert.NotEqual(TrainingKeys.Of(a), TrainingKeys.Of(b));

    private static ModelSpec Quantized(RoundingMethod method, int group) =>
        Models.Gpt2 with { Efficiency = new() { Quantization = new() { Weights = WeightType.Int4, Method = method, Group = group } } };

    private static ModelSpec Pruned(int steps) => Models.Gpt2 with
    {
        Efficiency = new() { Pruning = new() { Sparsity = 0.5, Schedule = PruningSchedule.Iterative, Rewind = 10 } },
        Training = Models.Gpt2.Training with { Steps = steps },
    };
}
