using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

public sealed class ArenaTests
{
    [Fact]
    public void Planned_bytes_are_the_bytes_used()
    {
        Check<Gpt2>();
        Check<Llama>();
        Check<Custom>();
        Check<DropoutEveryOne>();
        Check<DropoutEveryTwo>();
        Check<DropoutBoundaries>();
        Check<Gpt2Bf16>();
    }

    /// <summary>The views that the program made reach exactly to the end of the arena.</summary>
    private static void Check<TModel>()
        where TModel : ICompiledModel<TModel>
    {
        using var model = TModel.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        // The plan aligns the end of the last buffer.
        Assert.Equal(training.ArenaBytes, (training.ArenaBytesUsed + 63) / 64 * 64);
    }
}
