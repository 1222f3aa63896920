using System.Buffers.Binary;
using System.Security.Cryptography;

namespace ModelCompiler.Runtime.Data.Tokens;

/// <summary>
/// The first 96 bytes of a token file, little-endian: magic (8), version (4), bytes per token (4), tokens (8), bytes of
/// text (8), key (32), and the seal (32): SHA-256 of the 64 bytes before it and of the SHA-256 of the tokens after it.
/// </summary>
/// <param name="ElementSize">1, 2 or 4: the smallest that holds the vocabulary.</param>
/// <param name="Count">Number of tokens.</param>
/// <param name="Bytes">Bytes of the text, one for the end of each document among them.</param>
internal sealed record TokenCacheHeader(int ElementSize, long Count, long Bytes)
{
    public const int Length = 96;
    public const int SealStart = 64;
    public const int Version = 2;

    /// <summary>SHA-256 of the tokens, in hexadecimal digits.</summary>
    public string Digest { get; private init; } = "";

    private static ReadOnlySpan<byte> Magic => "MCTOKENS"u8;

    public static int ElementSizeFor(int vocabulary) => vocabulary <= 1 << 8 ? 1 : vocabulary <= 1 << 16 ? 2 : 4;

    /// <summary>The header up to its seal.</summary>
    public byte[] Serialize(ReadOnlySpan<byte> key)
    {
        var bytes = new byte[SealStart];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), ElementSize);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), Count);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), Bytes);
        key[..SHA256.HashSizeInBytes].CopyTo(bytes.AsSpan(32));
        return bytes;
    }

    /// <summary>The header of a file of this key; null if the file is another one or damaged.</summary>
    public static TokenCacheHeader? Read(IO.MappedFile file, ReadOnlySpan<byte> key)
    {
        if (file.Length < Length)
            return null;
        var bytes = file.Span(0, Length);
        var header = new TokenCacheHeader(
            BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]));
        if (!bytes[..SealStart].SequenceEqual(header.Serialize(key))
            || header.ElementSize is not (1 or 2 or 4)
            || header.Count * header.ElementSize != file.Length - Length)
        {
            return null;
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        file.ForEachPiece(Length, file.Length - Length, piece => hash.AppendData(piece));
        var tokens = hash.GetHashAndReset();
        return bytes[SealStart..].SequenceEqual(Seal(bytes[..SealStart], tokens)) ? header with { Digest = Convert.ToHexStringLower(tokens) } : null;
    }

    /// <summary>What stands behind the header.</summary>
    /// <param name="start">The serialized header.</param>
    /// <param name="tokens">SHA-256 of the tokens.</param>
    public static byte[] Seal(ReadOnlySpan<byte> start, ReadOnlySpan<byte> tokens) => SHA256.HashData([.. start, .. tokens]);
}
