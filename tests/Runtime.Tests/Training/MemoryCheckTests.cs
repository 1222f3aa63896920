using System.Reflection;
using ModelCompiler.Runtime.Memory;
using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Optimizers;

namespace ModelCompiler.Runtime.Tests.Training;

public sealed class MemoryCheckTests
{
    private const long MiB = 1 << 20;

    private static readonly ModelDescription s_model = BigramModel.Definition with
    {
        Memory = new MemoryPlan
        {
            Parameters = 10 * MiB, Gradients = 10 * MiB, Optimizer = 20 * MiB, Activations = 2038 * MiB, Others = [new("averaged weights", 10 * MiB)],
            Operations = 0, Backward = 0, Parts = [],
        },
    };

    [Fact]
    public void What_fits_exactly_fits()
    {
        MemoryCheck.Demand(s_model, new FreeMemory(2078 * MiB, "of the machine"));
        MemoryCheck.Demand(s_model, null);
        MemoryCheck.Demand(BigramModel.Definition, new FreeMemory(0, "of the machine"));
    }

    [Fact]
    public void What_does_not_fit_is_an_error_with_the_sum_the_parts_and_the_remedies()
    {
        var error = Assert.Throws<InsufficientMemoryException>(() => MemoryCheck.Demand(s_model, new FreeMemory((2078 * MiB) - 1, "of the machine")));
        Assert.Equal(
            "Training Bigram does not fit: beside its parameters (10.0 MiB) it needs 2.03 GiB, and 2.03 GiB are free of the machine. "
            + "Activations take 1.99 GiB, gradients 10.0 MiB, the optimizer 20.0 MiB, averaged weights 10.0 MiB. Set efficiency.checkpoint: { budget: 1936MiB }, or "
            + "a training.batch below 4 with training.accumulate, or a smaller model.",
            error.Message);
        error = Assert.Throws<InsufficientMemoryException>(() => MemoryCheck.Demand(s_model, new FreeMemory(20 * MiB, "on the CUDA device")));
        Assert.DoesNotContain("budget", error.Message);
    }

    [Fact]
    public void What_directives_hold_besides_is_in_the_plan()
    {
        Check<Averaging>("averaged weights", bytes: 4);
        Check<PrunedMovement>("pruning", bytes: 13);
        Assert.Contains(new("adaptation", MetaFomaml.Cost.MetaBytes), MetaFomaml.Definition.Memory!.Others);

        using var model = OptimizerMuon.Create(TorchSharp.torch.CPU, 1);
        using var program = model.CreateTraining();
        var muon = (MuonOptimizer)program.GetType().GetField("_optimizer", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(program)!;
        var share = Assert.Single(OptimizerMuon.Definition.Memory!.Others);
        Assert.Equal("the optimizer's products", share.Name);
        Assert.InRange(share.Bytes, muon.WorkBytes, 2 * muon.WorkBytes); // in bf16 where the processor has it

        static void Check<TModel>(string name, int bytes)
            where TModel : ICompiledModel<TModel>
        {
            using var model = TModel.Create(TorchSharp.torch.CPU, 1);
            // To what would align a parameter behind the last one, 31 elements at most.
            Assert.Contains(TModel.Definition.Memory!.Others, share => share.Name == name && (share.Bytes / bytes) - model.Parameters.Length is >= 0 and < 32);
        }
    }

    [Theory]
    [InlineData(typeof(Gpt2))]
    [InlineData(typeof(Gpt2Bf16))]
    [InlineData(typeof(OptimizerLion))]
    public void The_plan_of_a_generated_model_is_what_its_program_holds(Type type)
    {
        var model = (ICompiledModel)type.GetMethod("Create")!.Invoke(null, [TorchSharp.torch.CPU, 1])!;
        using var program = model.CreateTraining();
        var plan = model.Description.Memory!;
        Assert.Equal(program.ArenaBytes, plan.Activations);
        Assert.Equal(model.Parameters.Length * 4, plan.Gradients);
        Assert.Equal(program.OptimizerState.Values.Sum(state => state.numel() * state.element_size()), plan.Optimizer);
        Assert.Equal(model.Parameters.Length * (model.Description.Compute == ModelDsl.Precision.Fp32 ? 4 : 6), plan.Parameters);
        Assert.NotEmpty(plan.Parts);
        Assert.All(plan.Parts, part => Assert.InRange(part.Last, part.First, plan.Operations - 1));
        Assert.InRange(plan.Backward, 1, plan.Operations - 1);
        model.Dispose();
    }
}
