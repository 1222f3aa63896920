using System.IO.Compression;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Data.Curricula.Metrics;

/// <summary>The size of a sample's bytes compressed by Brotli, over their number: repetitive text is easy.</summary>
internal sealed class Compression(ITextTokenizer tokenizer) : SampleDifficulty
{
    private const int Quality = 5;
    private const int Window = 22;

    protected override double Of(ReadOnlySpan<long> tokens)
    {
        var bytes = SampleBytes.Of(tokens, tokenizer);
        var compressed = new byte[BrotliEncoder.GetMaxCompressedLength(bytes.Length)];
        return BrotliEncoder.TryCompress(bytes, compressed, out var written, Quality, Window)
            ? (double)written / bytes.Length
            : throw new InvalidOperationException("Brotli needs more bytes than it says.");
    }
}
