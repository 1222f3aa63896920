using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Data.Tokens;

/// <summary>
/// The tokens of one split as one stream in which each document ends with the end-of-text token, in a memory-mapped file.
/// Text is tokenized once: the file's name is a hash of the source files (name, length, time of change), of the tokenizer
/// and of the format. A damaged file is made again. Safe for several processes at once. Reading is thread-safe.
/// </summary>
public sealed class TokenCache : IDisposable
{
    private readonly MappedFile _file;
    private readonly TokenCacheHeader _header;

    private TokenCache(MappedFile file, TokenCacheHeader header, string split)
    {
        _file = file;
        _header = header;
        Split = split;
    }

    /// <summary><c>training</c> or <c>validation</c>.</summary>
    public string Split { get; }

    /// <summary>Number of tokens.</summary>
    public long Count => _header.Count;

    /// <summary>Bytes of the text as UTF-8; the end of a document counts as one.</summary>
    public long Bytes => _header.Bytes;

    /// <summary>SHA-256 of the tokens, in hexadecimal digits: the same for the same text, wherever its files lie.</summary>
    public string Digest => _header.Digest;

    /// <summary>Where the file lies.</summary>
    public string Path => _file.Path;

    /// <summary>Maps the tokens of a split, after tokenizing it if that was not done before.</summary>
    /// <param name="split">The text.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="folder">Folder of token files, see <see cref="CacheFolder"/>.</param>
    /// <param name="report">Is told when tokenizing starts.</param>
    /// <param name="cancellation">Stops tokenizing and leaves nothing behind.</param>
    /// <exception cref="DataException">The text cannot be read or the file cannot be written.</exception>
    public static TokenCache Open(
        TextSplit split, ITextTokenizer tokenizer, string folder, Action<string>? report = null, CancellationToken cancellation = default)
    {
        var key = SHA256.HashData(Encoding.UTF8.GetBytes($"{TokenCacheHeader.Version} {split.Fingerprint} {tokenizer.Hash}"));
        var path = System.IO.Path.Combine(folder, $"{Convert.ToHexStringLower(key)[..32]}.{split.Name}.tokens");
        if (TryOpen(path, key, split.Name) is { } existing)
            return existing;

        report?.Invoke($"tokenizing the {split.Name} text ({split.Files.Count} {(split.Files.Count == 1 ? "file" : "files")})");
        Exception? failure = null;
        try
        {
            TokenCacheWriter.Write(path, key, split, tokenizer, cancellation);
        }
        catch (Exception e) when (e is (IOException and not DataException) or UnauthorizedAccessException)
        {
            failure = e; // on Windows also when another process has just made the file and maps it
        }

        return TryOpen(path, key, split.Name) ?? throw new DataException(
            $"The token cache '{path}' cannot be written ({failure?.Message ?? "it does not read back as written"}). "
            + $"Free some disk space, or choose another folder with the environment variable {CacheFolder.Variable}.", failure);
    }

    /// <summary>Copies the tokens from <paramref name="start"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the tokens.</exception>
    public void Read(long start, Span<long> into)
    {
        var size = _header.ElementSize;
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(into.Length, Count - start);
        var bytes = _file.Span(TokenCacheHeader.Length + (start * size), into.Length * size);
        switch (size)
        {
            case 1:
                Widen(bytes, into);
                break;
            case 2:
                Widen(MemoryMarshal.Cast<byte, ushort>(bytes), into);
                break;
            default:
                Widen(MemoryMarshal.Cast<byte, int>(bytes), into);
                break;
        }
    }

    /// <summary>Copies tokens as <see cref="Read"/>, of a text that begins again after its end.</summary>
    /// <param name="start">At least 0; may lie behind the end.</param>
    /// <param name="into">At most as many as there are tokens.</param>
    internal void ReadRing(long start, Span<long> into)
    {
        start %= Count;
        var untilEnd = (int)Math.Min(into.Length, Count - start);
        Read(start, into[..untilEnd]);
        Read(0, into[untilEnd..]);
    }

    public void Dispose() => _file.Dispose();

    private static TokenCache? TryOpen(string path, byte[] key, string split)
    {
        try
        {
            var file = new MappedFile(path);
            if (TokenCacheHeader.Read(file, key) is { } header)
                return new TokenCache(file, header, split);
            file.Dispose();
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // not there, or not to be read: made again
        }
    }

    private static void Widen<T>(ReadOnlySpan<T> from, Span<long> into)
        where T : unmanaged, INumberBase<T>
    {
        for (var i = 0; i < from.Length; i++)
            into[i] = long.CreateTruncating(from[i]);
    }
}
