using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Random batches as the objectives have them.</summary>
internal static class EncoderBatches
{
    public static (long[] Tokens, long[] Targets) Of(ModelDescription model, int seed)
    {
        var (random, settings) = (new Random(seed), model.Training);
        var special = settings.SpecialTokens!;
        var (tokens, targets) = (new long[model.Batch * model.Context], new long[model.Batch * model.Context]);
        if (settings.Objective.Kind != ObjectiveKind.Classification)
        {
            var order = settings.Objective.Kind == ObjectiveKind.MaskedWithOrder;
            var text = new RandomText(model.Batch, model.Context - MaskedBatches.Added(order), special.Pad, random);
            new MaskedBatches(text, new Masking(special, special.Pad, settings.Objective.Mask), special, seed, order).Fill(0, tokens, targets);
            return (tokens, targets);
        }

        Array.Fill(tokens, special.Pad);
        Array.Fill(targets, Masking.Ignored);
        for (var row = 0; row < model.Batch; row++)
        {
            var sequence = tokens.AsSpan(row * model.Context, model.Context);
            var length = random.Next(1, model.Context - 1);
            sequence[0] = special.Cls;
            for (var i = 1; i <= length; i++) sequence[i] = random.Next(special.Pad);
            sequence[length + 1] = special.Sep;
            targets[row * model.Context] = random.Next(settings.Classes);
        }

        return (tokens, targets);
    }

    private sealed class RandomText(int batch, int sequence, int vocabulary, Random random) : IBatchSource
    {
        public int Batch => batch;

        public int Sequence => sequence;

        public void Fill(long index, Span<long> tokens, Span<long> targets)
        {
            foreach (ref var token in tokens) token = random.Next(vocabulary);
        }
    }
}
