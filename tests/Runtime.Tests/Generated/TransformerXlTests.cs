using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>Generated Transformer-XLs over several segments against the reference in double precision.</summary>
public sealed class TransformerXlTests
{
    private const int EndOfText = 0;

    [Fact]
    public void Losses_of_segments_with_their_memory()
    {
        using var model = TransformerXlPlain.Create(CPU, seed: 1);
        CompareLosses(model, () => new(model, layers: 2, heads: 2, memory: 12));
    }

    [Fact]
    public void Losses_with_a_longer_memory_in_evaluation_equal_lengths_and_clamped_distances()
    {
        using var model = TransformerXlSame.Create(CPU, seed: 1);
        CompareLosses(model, () => Same(model, memory: 11));
    }

    [Fact]
    public void Losses_of_documents_that_begin_within_segments()
    {
        using var model = TransformerXlPlain.Create(CPU, seed: 1);
        CompareLosses(model, () => new(model, layers: 2, heads: 2, memory: 12) { EndOfText = EndOfText }, documents: true);
        using var same = TransformerXlSame.Create(CPU, seed: 1);
        CompareLosses(same, () => Same(same, memory: 11), documents: true);
    }

    [Fact]
    public void Training_has_the_memory_of_training()
    {
        using var model = TransformerXlSame.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        using var training = model.CreateTraining();
        var references = Rows(model, () => Same(model, memory: 5));
        foreach (var (tokens, targets) in Segments(model, 4, documents: false))
        {
            // Without an update between them, and with an evaluation, whose memory is its own.
            var losses = new float[2];
            training.Backpropagate(tokens, targets, default, losses);
            training.Evaluate(targets, tokens);
            Check(references, tokens, targets, losses);
        }
    }

    [Fact]
    public void Generation_equals_the_forward_pass_of_segments_at_every_position()
    {
        using var model = TransformerXlPlain.Create(CPU, seed: 2);
        CompareGeneration(model, () => new(model, layers: 2, heads: 2, memory: 12));
        using var same = TransformerXlSame.Create(CPU, seed: 2);
        CompareGeneration(same, () => Same(same, memory: 11));
    }

    /// <summary>A memory that holds everything is the whole context at once.</summary>
    [Fact]
    public void Segments_with_a_long_memory_are_one_long_sequence()
    {
        using var pair = new Pair<TransformerXlLong, TransformerXlWhole>();
        var (segments, whole) = pair;
        using var recurrent = segments.CreateTraining();
        using var once = whole.CreateTraining();
        var (tokens, targets) = GeneratedModels.Batch(whole, seed: 3);
        var (expected, actual, part) = (new float[3], new float[3], new float[3]);
        once.Evaluate(tokens, targets, expected);
        for (var segment = 0; segment < 4; segment++)
        {
            recurrent.Evaluate(Slice(tokens, segment), Slice(targets, segment), part);
            for (var row = 0; row < 3; row++) actual[row] += part[row] / 4;
        }

        foreach (var (e, a) in expected.Zip(actual)) Assert.Equal(e, a, 1e-5);

        static long[] Slice(long[] values, int segment) => [.. Enumerable.Range(0, 24).Select(i => values[(i / 8 * 32) + (segment * 8) + (i % 8)])];
    }

    [Fact]
    public void Checkpointing_changes_no_bit_of_gradients_or_memory()
    {
        var plain = Run<TransformerXlDropout>();
        Assert.Equal(plain, Run<TransformerXlCheckpoint>());
        Assert.Equal(plain, Run<TransformerXlSave>());

        static float[] Run<TModel>()
            where TModel : ICompiledModel<TModel>
        {
            using var model = TModel.Create(CPU, seed: 3);
            using var training = model.CreateTraining();
            foreach (var (tokens, targets) in Segments(model, 4, documents: false)) training.Step(tokens, targets, learningRate: 1e-3);
            return [.. model.Parameters.Gradients.data<float>()];
        }
    }

    [Fact]
    public void Micro_batches_have_rows_of_their_own()
    {
        using var pair = new Pair<TransformerXlPlain, TransformerXlMicro>();
        var (whole, rows) = pair;
        using var once = whole.CreateTraining();
        using var often = rows.CreateTraining();
        foreach (var (tokens, targets) in Segments(whole, 4, documents: false))
        {
            once.Backpropagate(tokens, targets);
            for (var row = 0; row < 3; row++) often.Backpropagate(tokens.AsSpan(row * 8, 8), targets.AsSpan(row * 8, 8));
            using var difference = (whole.Parameters.Gradients - rows.Parameters.Gradients).abs().max();
            Assert.True(difference.item<float>() < 1e-5);
            Assert.Equal(once.Update(1e-3).Loss, often.Update(1e-3).Loss, 1e-4);
        }
    }

    [Fact]
    public void A_batch_that_does_not_continue_the_last_one_finds_an_empty_memory()
    {
        using var model = TransformerXlPlain.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var (tokens, targets) = GeneratedModels.Batch(model, seed: 1);
        double At(long position)
        {
            training.Memory!.MoveTo(position);
            return training.Backpropagate(tokens, targets);
        }

        var first = At(0);
        Assert.NotEqual(first, At(1));
        Assert.Equal(first, At(3));
        Assert.NotEqual(first, At(4));
    }

    /// <summary>Steps of several lengths share the memory; fp16 has 11 bits of precision.</summary>
    [Fact]
    public void Segments_of_a_curriculum_over_length()
    {
        using var model = TransformerXlLengths.Create(CPU, seed: 1);
        GeneratedModels.Scramble(model);
        using var training = model.CreateTraining();
        Assert.Equal([4, 8, 12, 16], training.Lengths);
        var references = Rows(model, () => new(model, layers: 2, heads: 2, memory: 8));
        var random = new Random(6);
        foreach (var length in new[] { 4, 4, 8, 16, 16 })
        {
            long[] Draw() => [.. Enumerable.Range(0, 2 * length).Select(_ => (long)random.Next(256))];
            var (tokens, targets, losses) = (Draw(), Draw(), new float[2]);
            training.Backpropagate(tokens, targets, default, losses);
            Check(references, tokens, targets, losses, 5e-3);
        }
    }

    private static TransformerXlReference Same(ICompiledModel model, int memory) =>
        new(model, layers: 3, heads: 3, memory) { Clamp = 6, SameLength = true, Activation = Gelu, EndOfText = EndOfText };

    private static double Gelu(double x)
    {
        // Φ by its series, to double precision in the range of the tests.
        var (term, sum) = (x, x);
        for (var n = 1; Math.Abs(term) > 1e-17; n++) sum += (term *= -x * x / (2 * n)) / ((2 * n) + 1);
        return x * (0.5 + (sum / Math.Sqrt(2 * Math.PI)));
    }

    private static void CompareLosses(ICompiledModel model, Func<TransformerXlReference> reference, bool documents = false)
    {
        GeneratedModels.Scramble(model);
        using var training = model.CreateTraining();
        if (documents) training.Memory!.StartOfText = EndOfText;
        var references = Rows(model, reference);
        foreach (var (tokens, targets) in Segments(model, 5, documents))
        {
            var losses = new float[model.Description.Batch];
            training.Evaluate(tokens, targets, losses);
            Check(references, tokens, targets, losses);
        }
    }

    private static void CompareGeneration(ICompiledModel model, Func<TransformerXlReference> reference)
    {
        GeneratedModels.Scramble(model);
        var (context, random) = (model.Description.Context, new Random(4));
        int[] tokens = [.. Enumerable.Range(0, 6 * context).Select(_ => 1 + random.Next(255))];
        var segments = reference();
        var expected = tokens.Chunk(context).SelectMany(segments.Segment).ToArray();

        using var program = model.CreateInference();
        Assert.Equal(int.MaxValue, program.Context);
        foreach (var prompt in new[] { 1, 5, 2 * context, (3 * context) + 3 })
        {
            program.Reset();
            Check(program.Forward(tokens.AsSpan(0, prompt)), prompt - 1);
            for (var i = prompt; i < tokens.Length; i++) Check(program.Forward(tokens.AsSpan(i, 1)), i);
            Assert.Equal(tokens.Length, program.Position);
        }

        void Check(ReadOnlySpan<float> logits, int position)
        {
            var scale = expected[position].Max(Math.Abs);
            for (var v = 0; v < logits.Length; v++)
                Assert.True(Math.Abs(expected[position][v] - logits[v]) < 1e-4 * scale, $"token {v} after {position}: {logits[v]} instead of {expected[position][v]}");
        }
    }

    /// <summary>A reference for each row of a batch.</summary>
    private static TransformerXlReference[] Rows(ICompiledModel model, Func<TransformerXlReference> reference) =>
        [.. Enumerable.Range(0, model.Description.Batch).Select(_ => reference())];

    private static IEnumerable<(long[] Tokens, long[] Targets)> Segments(ICompiledModel model, int count, bool documents)
    {
        var random = new Random(9);
        for (var segment = 0; segment < count; segment++)
        {
            long[] Draw() => [.. Enumerable.Range(0, model.Description.Batch * model.Description.Context)
                .Select(_ => documents && random.Next(12) == 0 ? EndOfText : 1L + random.Next(255))];
            yield return (Draw(), Draw());
        }
    }

    private static void Check(TransformerXlReference[] references, long[] tokens, long[] targets, float[] losses, double tolerance = 1e-5)
    {
        var length = tokens.Length / losses.Length;
        for (var row = 0; row < losses.Length; row++)
        {
            var logits = references[row].Segment(tokens.Skip(row * length).Take(length).Select(token => (int)token));
            var expected = logits.Select((l, t) => Math.Log(l.Sum(v => Math.Exp(v - l.Max()))) + l.Max() - l[targets[(row * length) + t]]).Average();
            Assert.True(Math.Abs(expected - losses[row]) < tolerance * expected, $"row {row}: {losses[row]} instead of {expected}");
        }
    }

    /// <summary>Two models with the same parameters.</summary>
    private sealed class Pair<TA, TB> : IDisposable
        where TA : ICompiledModel<TA>
        where TB : ICompiledModel<TB>
    {
        private readonly TA _a = TA.Create(CPU, seed: 8);
        private readonly TB _b = TB.Create(CPU, seed: 8);

        public Pair()
        {
            GeneratedModels.Scramble(_a);
            _b.Parameters.Master.copy_(_a.Parameters.Master);
        }

        public void Deconstruct(out TA a, out TB b) => (a, b) = (_a, _b);

        public void Dispose()
        {
            _a.Dispose();
            _b.Dispose();
        }
    }
}
