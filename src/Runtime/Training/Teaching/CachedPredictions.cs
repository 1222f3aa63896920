using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>A teacher's predictions for a micro-batch, in tensors that are made once, read from a file that was written beforehand.</summary>
/// <param name="device">Where the steps run.</param>
/// <param name="batch">Sequences, B.</param>
/// <param name="sequence">Tokens in each, T.</param>
/// <param name="k">Tokens that are kept for each position.</param>
/// <param name="vocabulary">Different tokens, V.</param>
public sealed class CachedPredictions(Device device, int batch, int sequence, int k, int vocabulary) : IDisposable
{
    private readonly PredictionShape _shape = new(batch * sequence, k, vocabulary);
    private readonly long[] _ids = new long[batch * sequence * k];
    private readonly float[] _logs = new float[batch * sequence * (k + 1)];
    private PredictionCache? _cache;
    private long _next;

    /// <summary>int64 [B·T, k]: the likeliest tokens.</summary>
    public Tensor Ids { get; } = zeros([batch * sequence, k], ScalarType.Int64, device).DetachFromDisposeScope();

    /// <summary>fp32 [B·T, k + 1]: the logarithms of their probabilities at the temperature, and that of all others together.</summary>
    public Tensor Logs { get; } = zeros([batch * sequence, k + 1], ScalarType.Float32, device).DetachFromDisposeScope();

    /// <summary>The file.</summary>
    internal string Path => _cache!.Path;

    /// <summary>Reads what the teacher predicts of the next micro-batch.</summary>
    /// <param name="tokens">[B·T], row-major: must be those that the teacher saw.</param>
    /// <exception cref="InvalidOperationException">There is no file: only runs make one.</exception>
    /// <exception cref="Data.DataException">The teacher saw other tokens.</exception>
    public void Load(ReadOnlySpan<long> tokens)
    {
        if (_cache is null) throw new InvalidOperationException("The teacher's predictions are kept by runs: train with a Trainer.");
        _cache.Read(_next++, tokens, _ids, _logs);
        StepInput.Write<long>(_ids, Ids);
        StepInput.Write<float>(_logs, Logs);
    }

    public void Dispose()
    {
        _cache?.Dispose();
        Ids.Dispose();
        Logs.Dispose();
    }

    /// <returns>Whether there is a file of as many micro-batches.</returns>
    internal bool Open(string key, long records) => (_cache = PredictionCache.Open(PathOf(key), _shape, records)) is not null;

    internal void Fill(string key, IEnumerable<ReadOnlyMemory<long>> batches, long records, ITeacherPass teacher)
    {
        PredictionCache.Write(PathOf(key), _shape, batches, records, teacher);
        if (!Open(key, records)) throw new IOException($"The cache of the teacher's predictions '{PathOf(key)}' cannot be read back.");
    }

    /// <summary>The micro-batch that comes next.</summary>
    internal void MoveTo(long record) => _next = record;

    private string PathOf(string key) => PredictionCache.PathOf(FormattableString.Invariant($"{key} {_shape}"));
}
