namespace ModelCompiler;

/// <summary>Multi-head latent attention in a decoder.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[SpecSection("architecture.latent-attention")]
public sealed class LatentAttentionAttribute : Attribute
{
    public int KvRank { get; set; }

    public int QRank { get; set; }

    public int RopeWidth { get; set; }
}
