namespace ModelCompiler.Benchmarks.Training;

/// <summary>One of the implementations that the benchmark compares.</summary>
internal interface ITrainingSide : IDisposable
{
    /// <summary>Bytes of activations that the side planned at build time, if it did.</summary>
    long? PlannedBytes { get; }

    /// <summary>One optimizer step on tokens and targets [B, T], row-major; returns the loss.</summary>
    double Step(long[] tokens, long[] targets);
}

/// <summary>The shape of a model that is written by hand too.</summary>
internal sealed record ModelShape(int Vocabulary, int Context, int Layers, int Width, int Heads, int Batch)
{
    /// <summary>Model P; model-p.model.yaml declares the same.</summary>
    public static readonly ModelShape P = new(Vocabulary: 256, Context: 256, Layers: 6, Width: 384, Heads: 6, Batch: 8);

    /// <summary>Model Q; model-q.model.yaml declares the same.</summary>
    public static readonly ModelShape Q = new(Vocabulary: 256, Context: 256, Layers: 4, Width: 192, Heads: 4, Batch: 16);

    /// <summary>GPT-2 small; gpt2-124m.model.yaml declares the same.</summary>
    public static readonly ModelShape Gpt2 = new(Vocabulary: 50257, Context: 1024, Layers: 12, Width: 768, Heads: 12, Batch: 8);

    /// <summary>Random tokens, or targets, [B, T].</summary>
    public long[] Draw(Random random) => [.. Enumerable.Range(0, Batch * Context).Select(_ => (long)random.Next(Vocabulary))];
}
