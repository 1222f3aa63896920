using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Data.Tasks;

/// <summary>Examples of a task as programs read them: rows of tokens and what follows each, or of numbers, which travel as the bits of doubles.</summary>
public sealed class TaskExamples
{
    private readonly long[] _inputs;
    private readonly long[] _targets;

    private TaskExamples(int count, int length)
    {
        (Count, Length) = (count, length);
        (_inputs, _targets) = (new long[count * length], new long[count * length]);
        _targets.AsSpan().Fill(Masking.Ignored);
    }

    public int Count { get; }

    /// <summary>Elements of a row.</summary>
    public int Length { get; }

    /// <summary>A row of a document each: its first tokens, and behind shorter ones nothing that is to be predicted.</summary>
    /// <param name="documents">The tokens of each.</param>
    /// <param name="endOfText">The token that ends it.</param>
    /// <param name="context">Tokens of a row, T: the model's context.</param>
    public static TaskExamples OfTokens(IReadOnlyList<IReadOnlyList<int>> documents, int endOfText, int context)
    {
        var examples = new TaskExamples(documents.Count, context);
        for (var row = 0; row < documents.Count; row++)
        {
            var document = documents[row];
            for (var i = 0; i < Math.Min(document.Count, context); i++)
            {
                examples._inputs[(row * context) + i] = document[i];
                examples._targets[(row * context) + i] = i + 1 < document.Count ? document[i + 1] : endOfText;
            }
        }

        return examples;
    }

    /// <summary>The same of texts.</summary>
    public static TaskExamples OfTexts(IReadOnlyList<string> texts, ITextTokenizer tokenizer, int context)
    {
        var documents = texts.Select(text =>
        {
            var tokens = new List<int>();
            tokenizer.Encode(text, tokens);
            return tokens;
        });
        return OfTokens([.. documents], tokenizer.EndOfText, context);
    }

    /// <summary>Rows of numbers.</summary>
    /// <param name="inputs">What the model reads, row after row.</param>
    /// <param name="outputs">What it is to predict.</param>
    /// <param name="count">Rows.</param>
    /// <exception cref="ArgumentException">The numbers do not divide into rows.</exception>
    public static TaskExamples OfNumbers(ReadOnlySpan<double> inputs, ReadOnlySpan<double> outputs, int count)
    {
        if (count < 1 || inputs.Length % count != 0 || outputs.Length % count != 0)
            throw new ArgumentException($"{inputs.Length} inputs and {outputs.Length} outputs do not divide into {count} rows.", nameof(count));
        var examples = new TaskExamples(count, Math.Max(inputs.Length, outputs.Length) / count);
        Write(inputs, examples._inputs);
        Write(outputs, examples._targets);
        return examples;

        void Write(ReadOnlySpan<double> from, long[] into)
        {
            var width = from.Length / count;
            for (var i = 0; i < from.Length; i++) into[(i / width * examples.Length) + (i % width)] = BitConverter.DoubleToInt64Bits(from[i]);
        }
    }

    /// <summary>Writes examples into a batch, whose other rows have nothing to predict.</summary>
    /// <param name="rows">The examples' numbers.</param>
    /// <param name="tokens">[B, T]</param>
    /// <param name="targets">[B, T]</param>
    internal void Write(ReadOnlySpan<int> rows, Span<long> tokens, Span<long> targets)
    {
        tokens.Clear();
        targets.Fill(Masking.Ignored);
        for (var i = 0; i < rows.Length; i++)
        {
            _inputs.AsSpan(rows[i] * Length, Length).CopyTo(tokens[(i * Length)..]);
            _targets.AsSpan(rows[i] * Length, Length).CopyTo(targets[(i * Length)..]);
        }
    }

    /// <summary>As many rows as a batch has, for a program.</summary>
    /// <param name="batch">B</param>
    /// <returns>Inputs and targets, [B, T].</returns>
    /// <exception cref="ArgumentException">There are none, or more than a batch.</exception>
    public (long[] Tokens, long[] Targets) ToBatch(int batch)
    {
        if (Count < 1 || Count > batch)
            throw new ArgumentException($"{Count} examples do not fit a batch of {batch}; give at least one and at most {batch}, or a larger 'batch' in the declaration.");
        var (tokens, targets) = (new long[batch * Length], new long[batch * Length]);
        Write([.. Enumerable.Range(0, Count)], tokens, targets);
        return (tokens, targets);
    }

    /// <summary>Takes a program's copy of the parameters through steps on these examples.</summary>
    /// <exception cref="ArgumentException">The examples do not fit the model or its batch.</exception>
    public void Adapt(IMetaProgram program, int steps, int batch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(steps);
        var (tokens, targets) = ToBatch(batch);
        program.Adapt(tokens, targets, steps);
    }
}
