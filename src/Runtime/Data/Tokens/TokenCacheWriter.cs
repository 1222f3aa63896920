using System.Buffers.Binary;
using System.Security.Cryptography;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Data.Tokens;

/// <summary>Tokenizes a split into a token file, whole or not at all.</summary>
internal static class TokenCacheWriter
{
    public static void Write(string path, ReadOnlySpan<byte> key, TextSplit split, ITextTokenizer tokenizer, CancellationToken cancellation)
    {
        var keyCopy = key.ToArray();
        AtomicFile.Write(path, stream =>
        {
            stream.Position = TokenCacheHeader.Length;
            var header = WriteTokens(stream, split, tokenizer, cancellation);

            // Hashed in a second pass, over pages still in memory.
            var start = header.Serialize(keyCopy);
            stream.Flush();
            stream.Position = TokenCacheHeader.Length;
            var tokens = SHA256.HashData(stream);

            stream.Position = 0;
            stream.Write(start);
            stream.Write(TokenCacheHeader.Seal(start, tokens));
        });
    }

    private static TokenCacheHeader WriteTokens(Stream stream, TextSplit split, ITextTokenizer tokenizer, CancellationToken cancellation)
    {
        var size = TokenCacheHeader.ElementSizeFor(tokenizer.Vocabulary);
        long count = 0, bytes = 0;
        var tokens = new List<int>();
        var buffer = Array.Empty<byte>();
        var starts = tokenizer.StartOfText != tokenizer.EndOfText;
        foreach (var piece in split.Read())
        {
            cancellation.ThrowIfCancellationRequested();
            tokens.Clear();
            if (starts)
                tokens.Add(tokenizer.StartOfText);
            starts = piece.EndsDocument && tokenizer.StartOfText != tokenizer.EndOfText;
            tokenizer.Encode(piece.Text, tokens);
            if (piece.EndsDocument)
                tokens.Add(tokenizer.EndOfText);

            if (buffer.Length < tokens.Count * size)
                buffer = new byte[tokens.Count * size];
            for (var i = 0; i < tokens.Count; i++)
            {
                bytes += tokenizer.Bytes(tokens[i]).Length;
                Put(buffer.AsSpan(i * size, size), tokens[i]);
            }

            count += tokens.Count;
            stream.Write(buffer, 0, tokens.Count * size);
        }

        return new TokenCacheHeader(size, count, bytes);
    }

    private static void Put(Span<byte> into, int token)
    {
        if (into.Length == 1)
            into[0] = (byte)token;
        else if (into.Length == 2)
            BinaryPrimitives.WriteUInt16LittleEndian(into, (ushort)token);
        else
            BinaryPrimitives.WriteInt32LittleEndian(into, token);
    }
}
