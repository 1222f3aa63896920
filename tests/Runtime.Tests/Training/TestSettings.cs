using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Tests.Training;

internal static class TestSettings
{
    public static TrainingSettings Create() => new()
    {
        Steps = 20,
        Seed = 1,
        LearningRate = 1e-2,
        Warmup = 2,
        Decay = DecayKind.Cosine,
        Final = 0.1,
        Source = "sdk-docs",
        Field = "text",
        Tokenizer = TokenizerKind.Bytes,
        Validation = 0.05,
    };

    /// <summary>The start of a run.</summary>
    public static RunState Start<TModel>(Dataset data, int steps)
        where TModel : ICompiledModel<TModel> => RunState.Begin(TModel.Definition, TModel.Definition.Training, data, seed: 1, steps);
}
