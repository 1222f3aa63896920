namespace ModelCompiler.Benchmarks.Training;

/// <summary>One of the implementations that the benchmark compares.</summary>
internal interface ITrainingSide : IDisposable
{
    /// <summary>Bytes of activations that the side planned at build time, if it did.</summary>
    long? PlannedBytes { get; }

    /// <summary>One optimizer step on tokens and targets [B, T], row-major; returns the loss.</summary>
    double Step(long[] tokens, long[] targets);
}

/// <summary>Model P, the benchmark's fixed shape; model-p.model.yaml declares the same.</summary>
internal static class ModelShape
{
    public const int Vocabulary = 256;
    public const int Context = 256;
    public const int Layers = 6;
    public const int Width = 384;
    public const int Heads = 6;
    public const int Batch = 8;
}
