using System.Diagnostics;
using System.Text;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Tokens;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Data;

/// <summary>The figures of docs/data.md. Runs only when asked for; the command is there.</summary>
public sealed class DataSpeed(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact(Explicit = true)]
    public void Measure()
    {
        var corpus = Corpus.Open("sdk-docs");
        string[] texts = [];
        var reading = Time(() => texts = [.. corpus.Training.Read().Select(piece => piece.Text)]);
        var megabytes = texts.Sum(text => (long)Encoding.UTF8.GetByteCount(text)) / 1e6;
        output.WriteLine($"reading the XML: {reading:F2} s, {megabytes:F1} MB of text in {texts.Length} documents");

        BytePairModel model = null!;
        var training = Time(() => model = BytePairTrainer.Train(texts, 4096 + 257));
        output.WriteLine($"training 4096 merges: {training:F2} s");

        foreach (var tokenizer in (ITextTokenizer[])[new ByteTokenizer(), new BytePairTokenizer(model)])
        {
            var tokens = new List<int>();
            var encoding = Time(() =>
            {
                tokens.Clear();
                foreach (var text in texts)
                    tokenizer.Encode(text, tokens);
            });
            output.WriteLine($"encoding to {tokenizer.Vocabulary} tokens: {megabytes / encoding:F1} MB/s, {megabytes * 1e6 / tokens.Count:F2} bytes a token");
            MeasureCache(corpus, tokenizer);
        }

        MeasureCheckpoint();
    }

    private void MeasureCache(Corpus corpus, ITextTokenizer tokenizer)
    {
        TokenCache.Open(corpus.Training, tokenizer, _folder.Path).Dispose();
        using var validation = TokenCache.Open(corpus.Validation, tokenizer, _folder.Path);
        output.WriteLine($"  opening the cache: {Time(() => TokenCache.Open(corpus.Training, tokenizer, _folder.Path).Dispose()) * 1e3:F0} ms");
        using var training = TokenCache.Open(corpus.Training, tokenizer, _folder.Path);
        var source = new BatchSource(training, batch: 16, sequence: 256, seed: 1);
        var (inputs, targets) = (new long[16 * 256], new long[16 * 256]);
        var step = 0;
        var filling = Time(() =>
        {
            for (var i = 0; i < 10_000; i++)
                source.Fill(step++, inputs, targets);
        });
        output.WriteLine($"  filling a batch of 16 × 256: {filling * 100:F1} µs");
        var bits = 0.0;
        var counting = Time(() => bits = ByteBigram.BitsPerByte(training, validation, tokenizer));
        output.WriteLine($"  byte bigram: {bits:F3} bits per byte in {counting * 1e3:F0} ms");
    }

    private void MeasureCheckpoint()
    {
        var values = new float[64 << 20];
        new Random(1).NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
        var path = _folder["m.safetensors"];
        var writing = Time(() => SafetensorsWriter.Write(
            path, [CheckpointTensor.FromArray("x", DType.F32, [values.Length], values)], new Dictionary<string, string>()));
        output.WriteLine($"writing a checkpoint of 256 MiB to disk: {writing:F2} s");
        output.WriteLine($"opening it: {Time(() => SafetensorsReader.Open(path).Dispose()):F2} s, unverified {Time(() => SafetensorsReader.Open(path, verify: false).Dispose()) * 1e3:F2} ms");
    }

    /// <summary>Seconds; the better of two, so that the first may compile.</summary>
    private static double Time(Action action)
    {
        var best = double.MaxValue;
        for (var i = 0; i < 2; i++)
        {
            var watch = Stopwatch.StartNew();
            action();
            best = Math.Min(best, watch.Elapsed.TotalSeconds);
        }

        return best;
    }

    public void Dispose() => _folder.Dispose();
}
