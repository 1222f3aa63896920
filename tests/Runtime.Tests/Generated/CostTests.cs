using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>The constants that the build states are what the generated program holds.</summary>
public sealed class CostTests
{
    [Fact]
    public void Stated_bytes_are_those_of_a_run()
    {
        Check<Gpt2>(Gpt2.Cost.Parameters, Gpt2.Cost.WeightBytes, Gpt2.Cost.CopyBytes, Gpt2.Cost.OptimizerBytes, Gpt2.Cost.ActivationBytes);
        Check<Llama>(Llama.Cost.Parameters, Llama.Cost.WeightBytes, Llama.Cost.CopyBytes, Llama.Cost.OptimizerBytes, Llama.Cost.ActivationBytes);
        Check<Custom>(Custom.Cost.Parameters, Custom.Cost.WeightBytes, Custom.Cost.CopyBytes, Custom.Cost.OptimizerBytes, Custom.Cost.ActivationBytes);
        Check<Gpt2Bf16>(Gpt2Bf16.Cost.Parameters, Gpt2Bf16.Cost.WeightBytes, Gpt2Bf16.Cost.CopyBytes, Gpt2Bf16.Cost.OptimizerBytes, Gpt2Bf16.Cost.ActivationBytes);
        Check<DropoutEveryTwo>(
            DropoutEveryTwo.Cost.Parameters, DropoutEveryTwo.Cost.WeightBytes, DropoutEveryTwo.Cost.CopyBytes, DropoutEveryTwo.Cost.OptimizerBytes, DropoutEveryTwo.Cost.ActivationBytes);
    }

    private static void Check<TModel>(long parameters, long weights, long copy, long optimizer, long activations)
        where TModel : ICompiledModel<TModel>
    {
        using var model = TModel.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var store = model.Parameters;
        Assert.Equal(parameters, store.ParameterCount);
        Assert.Equal(weights, Bytes(store.Master));
        Assert.Equal(copy, store.Copy is { } cast ? Bytes(cast) : 0);
        Assert.Equal(optimizer, training.OptimizerState.Values.Sum(Bytes));
        // To the alignment of the last buffer: what the program's views reach, and the batch beside it.
        Assert.InRange(training.ArenaBytesUsed, activations - 63, activations);
    }

    private static long Bytes(Tensor tensor) => tensor.numel() * tensor.element_size();
}
