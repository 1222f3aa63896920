using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ModelCompiler.Runtime.Checkpoints;

namespace ModelCompiler.Runtime.Training;

/// <summary>What a run follows from beside its own state, as a digest in its checkpoints: a run that is resumed must follow from the same.</summary>
/// <param name="digest">Of what it is now.</param>
/// <param name="changed">What is said where it is another: what it is, and the remedy.</param>
internal sealed class Pin(string digest, string changed)
{
    private string? _restored;

    public static string Digest<T>(ReadOnlySpan<T> values)
        where T : unmanaged => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values)));

    public void Describe(CheckpointTable table, string name) => table.Value(name, () => digest, then => _restored = then);

    /// <summary>To be called when a checkpoint has been restored.</summary>
    /// <exception cref="CheckpointException">It was another when the run began.</exception>
    public void Check()
    {
        if (_restored is not null && _restored != digest)
            throw new CheckpointException(changed);
    }
}
