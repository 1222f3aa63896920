using System.Diagnostics;
using ModelCompiler.Benchmarks.Quality;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Onnx;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Inference;

/// <summary>
/// What a draft buys: model Q continues held-out texts greedily in ONNX Runtime, alone and with a draft of a quarter of its layers that it taught, with weights of 8 bits.
/// The tokens must be the same. Medians of alternating rounds.
/// </summary>
internal static class SpeculationBenchmark
{
    private const int Steps = 3000, QuickSteps = 100, Prompts = 16, Rounds = 7;

    private static readonly int[] s_proposals = [1, 2, 3, 4, 6];

    public static int Run(string[] args)
    {
        var steps = args.Contains("--quick") ? QuickSteps : args.Option("--steps", Steps);
        var seed = args.Option("--seed", 1);
        var runs = QualityRuns.Of(args);
        var threads = get_num_threads();
        set_num_threads(1); // as the studies that share these runs
        using var trained = runs.Trained(s => ModelQ.Create(CPU, s), steps, seed);
        using var taught = runs.Trained(s => ModelQDraft.Create(CPU, s), steps, seed);
        set_num_threads(threads);
        using var data = Dataset.Open(trained.Description.Training, trained.Description.Vocabulary);
        var prompts = HeldOut(data, trained.Description.Context / 2);
        var folder = Directory.CreateTempSubdirectory("speculation-");
        try
        {
            using var model = Open(trained, "model", null);
            using var draft = Open(taught, "draft", new() { Weights = WeightType.Int8 });
            Write($"model Q and a draft of {taught.Description.ParameterCount:N0} parameters, int8, for its {trained.Description.ParameterCount:N0}, after {steps} steps; {Prompts} held-out texts of {prompts[0].Length} bytes, continued by as many");
            Write($"{"proposals",-10} {"tokens/s",10} {"faster",8} {"accepted",9}  {"tokens",-6}");
            using var programOfOne = model.CreateInference();
            using var programOfBoth = model.CreateInference();
            using var proposing = draft.CreateInference();
            var alone = new TextGenerator(programOfOne, data.Tokenizer);
            var both = new TextGenerator(programOfBoth, data.Tokenizer, proposing);
            foreach (var proposals in s_proposals)
            {
                List<double> slow = [], fast = [];
                var (expected, actual, accepted) = (new List<int>(), new List<int>(), 0.0);
                for (var round = 0; round <= Rounds; round++)
                {
                    slow.Add(Continue(alone, prompts, proposals, expected).Rate);
                    (var rate, accepted) = Continue(both, prompts, proposals, actual);
                    fast.Add(rate);
                }

                Write($"{proposals,-10} {Median(fast),10:F0} {Median(fast) / Median(slow),7:F2}x {accepted,9:P0}  {(expected.SequenceEqual(actual) ? "same" : "DIFFER")}");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return 0;

        OnnxModel Open(ICompiledModel of, string name, QuantizationSpec? quantization)
        {
            var path = Path.Combine(folder.FullName, name);
            OnnxExport.Write(of, path, quantization, data.Tokenizer, []);
            return OnnxModel.Open(of.Description, path, new() { Prepack = true });
        }

        // The first round warms up.
        static double Median(List<double> rates) => rates.Skip(1).Order().ElementAt(Rounds / 2);
    }

    /// <summary>Stretches of the held-out text.</summary>
    private static int[][] HeldOut(Dataset data, int length)
    {
        var windows = new ValidationWindows(data.Validation, batch: 1, length, Prompts);
        var (tokens, targets) = (new long[length], new long[length]);
        return
        [
            .. Enumerable.Range(0, Prompts).Select(window =>
            {
                windows.Fill(window, tokens, targets);
                return tokens.Select(token => (int)token).ToArray();
            }),
        ];
    }

    /// <summary>Continues each prompt by as many tokens as it has, as far as the context goes; prompts are not timed.</summary>
    private static (double Rate, double Accepted) Continue(TextGenerator generator, int[][] prompts, int proposals, List<int> tokens)
    {
        tokens.Clear();
        var (seconds, timed, drafted, accepted) = (0.0, 0, 0, 0);
        foreach (var prompt in prompts)
        {
            var first = 0L;
            var options = new GenerationOptions { MaxTokens = prompt.Length, DraftTokens = proposals, Sampling = new() { Temperature = 0 } };
            var result = generator.Generate(prompt, options, token =>
            {
                if (first == 0) first = Stopwatch.GetTimestamp();
                tokens.Add(token);
                return true;
            });
            seconds += Stopwatch.GetElapsedTime(first).TotalSeconds;
            (timed, drafted, accepted) = (timed + result.Tokens - 1, drafted + result.Drafted, accepted + result.Accepted);
        }

        return (timed / seconds, (double)accepted / Math.Max(1, drafted));
    }

    private static void Write(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));
}
