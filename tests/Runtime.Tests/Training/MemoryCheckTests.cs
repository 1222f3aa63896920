using ModelCompiler.Runtime.Memory;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Training;

public sealed class MemoryCheckTests
{
    private const long MiB = 1 << 20;

    private static readonly ModelDescription s_model = BigramModel.Definition with
    {
        Memory = new MemoryPlan
        {
            Parameters = 10 * MiB, Gradients = 10 * MiB, Optimizer = 20 * MiB, Activations = 2048 * MiB, Operations = 0, Backward = 0, Parts = [],
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
            + "Activations take 2.00 GiB, gradients 10.0 MiB, the optimizer 20.0 MiB. Set efficiency.checkpoint: { budget: 1945MiB }, or "
            + "a training.batch below 4 with training.accumulate, or a smaller model.",
            error.Message);
        error = Assert.Throws<InsufficientMemoryException>(() => MemoryCheck.Demand(s_model, new FreeMemory(20 * MiB, "on the CUDA device")));
        Assert.DoesNotContain("budget", error.Message);
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
