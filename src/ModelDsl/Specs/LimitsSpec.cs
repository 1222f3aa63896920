namespace ModelCompiler.ModelDsl;

/// <summary>What a model may cost; the build fails where it costs more.</summary>
public sealed record LimitsSpec
{
    [Key("parameters", "Most parameters, trained and frozen, those of repeated blocks as often as they are repeated, shared ones once. E.g. 20M.")]
    public Count? Parameters { get; init; }

    [Key("flops-per-token", "Most floating-point operations of the forward pass for each token, a multiply-add counted as two. E.g. 2G.")]
    public Count? FlopsPerToken { get; init; }

    [Key("memory", "Most bytes that training holds: weights, gradients, optimizer state and activations. E.g. 4GiB.")]
    public ByteSize? Memory { get; init; }

    [Key("kv-cache-per-token", "Most bytes of the key-value cache for each token. E.g. 12KiB.")]
    public ByteSize? KvCachePerToken { get; init; }
}
