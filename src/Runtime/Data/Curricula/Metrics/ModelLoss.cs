using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Data.Curricula.Metrics;

/// <summary>The loss of each sample under another, trained model (Hacohen and Weinshall 2019).</summary>
/// <param name="losses">Gives them.</param>
internal sealed class ModelLoss(Func<SampleWindows, float[]> losses) : IDifficulty
{
    public void Measure(SampleWindows samples, Span<float> difficulties) => losses(samples).CopyTo(difficulties);
}
