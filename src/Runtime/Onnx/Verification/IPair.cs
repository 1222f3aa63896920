using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Onnx.Verification;

/// <summary>An exported model and the one that it was exported from, in libtorch's engine.</summary>
internal interface IPair : IDisposable
{
    /// <summary>The losses of both on a batch, as training has them, in nats.</summary>
    /// <param name="tokens">[B, T]</param>
    /// <param name="targets">[B, T]</param>
    /// <param name="errors">Is told how the results of the two differ.</param>
    (double Exported, double Original) Losses(ReadOnlySpan<long> tokens, ReadOnlySpan<long> targets, LogitErrors errors);

    /// <summary>Loss and accuracy of each task over the batches, of an objective that has tasks.</summary>
    (EquatableArray<Measure> Exported, EquatableArray<Measure> Original) Measures() => default;
}
