using System.Text;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Data.Curricula.Metrics;

/// <summary>The method of the model's class that is marked with <c>[Difficulty]</c>, over the text of each sample.</summary>
internal sealed class Method(Func<string, double> difficulty, ITextTokenizer tokenizer) : SampleDifficulty
{
    /// <exception cref="DataException">The method's answer is not finite.</exception>
    protected override double Of(ReadOnlySpan<long> tokens)
    {
        var value = difficulty(Encoding.UTF8.GetString(SampleBytes.Of(tokens, tokenizer)));
        return double.IsFinite(value)
            ? value
            : throw new DataException(FormattableString.Invariant($"The [Difficulty] method said {value} of a sample; it must say a finite number."));
    }
}
