using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Data.Curricula.Metrics;

/// <summary>What makes a sample difficult.</summary>
internal interface IDifficulty
{
    /// <summary>Measures all samples.</summary>
    /// <param name="samples">The samples.</param>
    /// <param name="difficulties">[Count] higher is more difficult.</param>
    void Measure(SampleWindows samples, Span<float> difficulties);
}
