using ModelCompiler.ModelDsl;

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
}
