using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Data.Curricula.Metrics;

internal static class SampleBytes
{
    /// <summary>The bytes of the text that a sample's tokens stand for.</summary>
    public static byte[] Of(ReadOnlySpan<long> tokens, ITextTokenizer tokenizer)
    {
        var length = 0;
        foreach (var token in tokens)
            length += tokenizer.Bytes((int)token).Length;
        var bytes = new byte[length];
        var end = 0;
        foreach (var token in tokens)
        {
            var of = tokenizer.Bytes((int)token);
            of.CopyTo(bytes.AsSpan(end));
            end += of.Length;
        }

        return bytes;
    }
}
