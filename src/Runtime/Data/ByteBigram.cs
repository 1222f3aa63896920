using ModelCompiler.Runtime.Data.Tokens;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Data;

/// <summary>
/// The trivial baseline: a byte is predicted from the byte before it, by its relative frequency in the training text with
/// one added to each count (Laplace smoothing). It works on the bytes of the text whatever the tokenizer.
/// </summary>
public static class ByteBigram
{
    /// <summary>Bits per byte of the validation text; the end of a document is a zero byte.</summary>
    /// <exception cref="DataException">There is no validation text.</exception>
    public static double BitsPerByte(TokenCache training, TokenCache validation, ITextTokenizer tokenizer)
    {
        if (validation.Bytes == 0)
            throw new DataException("There is no validation text to measure on; set data.validation above 0.");
        var trained = Count(training, tokenizer);
        var measured = Count(validation, tokenizer);
        double bits = 0;
        for (var first = 0; first < 256; first++)
        {
            var row = trained.AsSpan(first * 256, 256);
            double total = 256;
            foreach (var count in row)
                total += count;
            for (var second = 0; second < 256; second++)
                bits -= measured[(first * 256) + second] * Math.Log2((row[second] + 1) / total);
        }

        return bits / validation.Bytes;
    }

    /// <summary>How often each byte follows each: [256, 256]. The first byte follows a zero byte.</summary>
    private static long[] Count(TokenCache tokens, ITextTokenizer tokenizer)
    {
        var counts = new long[256 * 256];
        var buffer = new long[1 << 14];
        var previous = 0;
        for (long start = 0; start < tokens.Count; start += buffer.Length)
        {
            var length = (int)Math.Min(buffer.Length, tokens.Count - start);
            tokens.Read(start, buffer.AsSpan(0, length));
            foreach (var token in buffer.AsSpan(0, length))
            {
                foreach (var b in tokenizer.Bytes((int)token))
                {
                    counts[(previous * 256) + b]++;
                    previous = b;
                }
            }
        }

        return counts;
    }
}
