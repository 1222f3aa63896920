namespace ModelCompiler.Runtime.Inference;

/// <summary>
/// Speculative decoding (Leviathan et al. 2023): a draft model proposes tokens, the model looks at all of them in one pass, and accepts each
/// with the probability that makes the outcome its own: the smaller of 1 and p / q; in place of the first that is refused a token is drawn from
/// what p has over q. Where the choice is greedy, the tokens are those that the model alone would choose.
/// </summary>
internal sealed class SpeculativeDecoding
{
    private readonly CachedSequence _draft;
    private readonly int _vocabulary;
    private readonly float[] _excess;
    private float[] _proposals = [];

    /// <exception cref="ArgumentException">The vocabularies differ, or a model cannot take tokens back.</exception>
    public SpeculativeDecoding(IInferenceProgram program, IInferenceProgram draft, int vocabulary)
    {
        if (program.Vocabulary != draft.Vocabulary)
            throw new ArgumentException($"The draft model has a vocabulary of {draft.Vocabulary}, and the model one of {program.Vocabulary}: they must have the same tokenizer.");
        if (!program.CanTruncate || !draft.CanTruncate)
            throw new ArgumentException("A model with a memory of segments or with convolutions cannot take tokens back, as speculative decoding needs: leave the draft model out.");
        (_draft, _vocabulary, _excess) = (new CachedSequence(draft, 0), vocabulary, new float[vocabulary]);
    }

    public Generation Run(Continuation text, CachedSequence model, int most, CancellationToken cancellation)
    {
        var (drafted, accepted) = (0, 0);
        _draft.Begin(text.Tokens);
        while (text.IsOpen)
        {
            // The last token that may be generated, or that fits, is the model's own.
            var count = Math.Min(Math.Min(most, text.Left - 1), model.Room(text.Tokens.Length));
            var start = text.Tokens.Length;
            Propose(text, count, cancellation);
            drafted += count;
            var logits = model.Advance(text.Proposed(count), rows: count + 1, cancellation);
            for (var i = 0; i <= count && text.IsOpen; i++)
            {
                var row = logits.Slice(i * (logits.Length / (count + 1)), _vocabulary);
                if (i == count)
                {
                    text.Choose(row);
                    break;
                }

                var proposed = text.Proposed(1)[start + i];
                var p = text.Sampler.Probabilities(row, text.Tokens, text.Prompt);
                var q = _proposals.AsSpan(i * _vocabulary, _vocabulary);
                if (!text.Sampler.Accept(p[proposed] / q[proposed]))
                {
                    for (var token = 0; token < _vocabulary; token++) _excess[token] = Math.Max(0, p[token] - q[token]);
                    text.Take(text.Sampler.Draw(_excess));
                    break;
                }

                accepted++;
                text.Take(proposed);
            }
        }

        return text.Result("") with { Drafted = drafted, Accepted = accepted };
    }

    /// <summary>Writes tokens behind the text, and keeps the probabilities that they were drawn with.</summary>
    private void Propose(Continuation text, int count, CancellationToken cancellation)
    {
        if (_proposals.Length < count * _vocabulary) _proposals = new float[count * _vocabulary];
        for (var i = 0; i < count; i++)
        {
            var proposed = text.Proposed(i + 1);
            var logits = _draft.Advance(proposed[..^1], rows: 1, cancellation)[.._vocabulary];
            var q = text.Sampler.Probabilities(logits, proposed[..^1], text.Prompt);
            q.CopyTo(_proposals.AsSpan(i * _vocabulary));
            proposed[^1] = text.Sampler.Draw(q);
        }
    }
}
