using System.Security.Cryptography;
using System.Text;

namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>
/// SHA-256 over a whole safetensors file, kept in its own header under <c>__metadata__.sha256</c>. It is computed with
/// 64 zeros in the digest's place, so it covers names, shapes and offsets as well as data.
/// </summary>
internal static class ContentDigest
{
    public const string Key = "sha256";
    public static readonly string Placeholder = new('0', 64);

    public static IncrementalHash Create() => IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public static string Finish(IncrementalHash hash) => Convert.ToHexStringLower(hash.GetHashAndReset());

    /// <summary>Adds a header that carries <paramref name="digest"/>; false if it carries it nowhere.</summary>
    public static bool AppendHeader(IncrementalHash hash, ReadOnlySpan<byte> header, string digest)
    {
        var place = header.IndexOf(Encoding.UTF8.GetBytes(digest));
        if (place < 0 || digest.Length != Placeholder.Length)
            return false;
        hash.AppendData(header[..place]);
        hash.AppendData(Encoding.ASCII.GetBytes(Placeholder));
        hash.AppendData(header[(place + digest.Length)..]);
        return true;
    }
}
