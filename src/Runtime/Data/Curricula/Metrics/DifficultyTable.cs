using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Data.Curricula.Metrics;

/// <summary>All metrics that order samples.</summary>
internal static class DifficultyTable
{
    /// <param name="metric">The declared metric.</param>
    /// <param name="tokenizer">Of the text.</param>
    /// <param name="method">The model's own; it has one exactly if that is declared.</param>
    /// <param name="losses">The losses under the declared scoring model.</param>
    public static IDifficulty Of(
        DifficultyMetric metric, ITextTokenizer tokenizer, Func<string, double>? method, Func<SampleWindows, float[]> losses) => metric switch
    {
        DifficultyMetric.Rarity => new Rarity(tokenizer.Vocabulary),
        DifficultyMetric.Loss => new ModelLoss(losses),
        DifficultyMetric.Compression => new Compression(tokenizer),
        DifficultyMetric.Method => new Method(method!, tokenizer),
        _ => throw new ArgumentOutOfRangeException(nameof(metric), metric, null),
    };
}
