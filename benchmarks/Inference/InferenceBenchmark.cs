using System.Diagnostics;
using System.Globalization;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Inference.Packed;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Inference;

/// <summary>
/// Prompts and generation of model L in each engine and form, against a loop for ONNX Runtime written by hand. Sides alternate; medians.
/// </summary>
internal static class InferenceBenchmark
{
    private const int Prompt = 256;

    public static int Run(string[] args)
    {
        var quick = args.Contains("--quick");
        var (rounds, tokens) = quick ? (3, 16) : (7, 128);
        var folder = Directory.CreateTempSubdirectory("modelcompiler-inference-").FullName;
        try
        {
            using var model = ModelL.Create(CPU, seed: 1);
            var sides = new List<Side> { Plain(model, Path.Combine(folder, "plain")) };
            foreach (var (name, quantization, _) in Forms().Where(form => form.Read == form.Name)) sides.Add(Torch(model, name, quantization));
            foreach (var (name, quantization, read) in Forms()) sides.Add(Onnx(model, name, Path.Combine(folder, name), Path.Combine(folder, read), quantization));
            sides.Add(Packed(model, Path.Combine(folder, "fp32")));
            var bandwidth = new Bandwidth();
            for (var round = -1; round < rounds; round++)
            {
                bandwidth.Measure();
                foreach (var side in sides) side.Measure(Prompt, tokens, counted: round >= 0);
            }

            Write($"Model L, prompts of {Prompt} tokens, {tokens} tokens generated behind them, {rounds} rounds; memory is read with {bandwidth.BytesPerSecond / 1e9:F1} GB/s");
            Report(sides, bandwidth.BytesPerSecond, tokens);
            foreach (var side in sides) side.Dispose();
            foreach (var prepack in (bool[])[false, true]) Load(Path.Combine(folder, "fp32"), prepack, quick ? 3 : 5);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Forms, and the one whose weights a generated token reads.</summary>
    private static IEnumerable<(string Name, QuantizationSpec? Quantization, string Read)> Forms() =>
    [
        ("fp32", null, "fp32"),
        ("int8", new() { Weights = WeightType.Int8 }, "int8"),
        ("int4 128", new() { Weights = WeightType.Int4, Group = 128 }, "int4 128"),
        ("int4 32", new() { Weights = WeightType.Int4, Group = 32 }, "int4 32"),
        ("int4 128, int8 prompts", new() { Weights = WeightType.Int4, Group = 128, Prefill = PrefillType.Int8 }, "int4 128"),
    ];

    private static Side Plain(ICompiledModel model, string folder)
    {
        PlainLoop.Write(model, folder);
        var loop = new PlainLoop(folder);
        return new Side("by hand, fp32", Weights(folder), loop.Reset, tokens => _ = loop.Forward(tokens), loop.Dispose);
    }

    private static Side Torch(ICompiledModel model, string name, QuantizationSpec? quantization)
    {
        var weights = quantization is null ? null : PackedWeights.Of(model, quantization, []);
        var program = weights is null ? model.CreateInference() : model.CreateInference(1, weights);
        // Scales, and for 4 bits the offsets beside them, have 2 bytes.
        var bits = quantization is null ? 32 : quantization.Weights == WeightType.Int8 ? 8 : 4 + (32.0 / quantization.Group);
        return new Side("torch, " + name, (long)(bits / 8 * (model.Description.ParameterCount - Embedding)), () => program.Reset(), tokens => _ = program.Forward(tokens), () =>
        {
            program.Dispose();
            weights?.Dispose();
        });
    }

    private static Side Onnx(ICompiledModel model, string name, string folder, string read, QuantizationSpec? quantization)
    {
        OnnxExport.Write(model, folder, quantization, new ByteTokenizer(), []);
        var program = OnnxProgram.Open(model.Description, folder);
        return new Side("onnx, " + name, Weights(read), () => program.Reset(), tokens => _ = program.Forward(tokens), program.Dispose);
    }

    /// <summary>The fp32 export once more, with weights in the layout that products read fastest.</summary>
    private static Side Packed(ICompiledModel model, string folder)
    {
        var program = OnnxProgram.Open(model.Description, folder, new OnnxOptions { Prepack = true });
        return new Side("onnx, fp32, packed", Weights(folder), () => program.Reset(), tokens => _ = program.Forward(tokens), program.Dispose);
    }

    /// <summary>Of the table of tokens one row is read.</summary>
    private const long Embedding = 32_000L * 768;

    private static long Weights(string folder) => new FileInfo(Path.Combine(folder, "model.onnx.data")).Length - (4 * Embedding);

    private static void Report(List<Side> sides, double bandwidth, int tokens)
    {
        // Keys and values of 12 layers, of the positions in the middle of the generation.
        var cache = 2L * 12 * 768 * 4 * (Prompt + (tokens / 2));
        var fp32 = sides.Single(side => side.Name == "onnx, fp32, packed");
        Write($"{"",-28} {"MB a token",10} {"prompt",9} {"/packed",7} {"tokens/s",9} {"/packed",7} {"/ by hand",9} {"bandwidth",9} {"bytes",8}");
        foreach (var side in sides)
        {
            var read = side.Weights + cache;
            Write($"{side.Name,-28} {read / 1e6,10:F1} {Prompt / side.PromptSeconds,9:F0} {fp32.PromptSeconds / side.PromptSeconds,7:F2} {1 / side.TokenSeconds,9:F1} {fp32.TokenSeconds / side.TokenSeconds,7:F2} {sides[0].TokenSeconds / side.TokenSeconds,9:F2} {100 * read / side.TokenSeconds / bandwidth,8:F0}% {side.Bytes,8}");
        }

        Write($"bandwidth: bytes of weights and cache that a token reads, times tokens a second, of what the machine reads; bytes: managed, a token");
    }

    /// <summary>Opening the exported model against reading its file once, both from the system's cache.</summary>
    private static void Load(string folder, bool prepack, int rounds)
    {
        var (path, options) = (Path.Combine(folder, "model.onnx.data"), new OnnxOptions { Prepack = prepack });
        var memory = new byte[new FileInfo(path).Length];
        var (reads, loads) = (new double[rounds], new double[rounds]);
        for (var round = -1; round < rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            using (var file = File.OpenHandle(path, options: FileOptions.SequentialScan))
                for (long place = 0; RandomAccess.Read(file, memory.AsSpan((int)place), place) is > 0 and var count; place += count) ;
            var read = Stopwatch.GetElapsedTime(start).TotalSeconds;
            start = Stopwatch.GetTimestamp();
            using (OnnxModel.Open(ModelL.Definition, folder, options))
            {
            }

            if (round >= 0) (reads[round], loads[round]) = (read, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        var (reading, loading) = (Median(reads), Median(loads));
        Write($"load of {memory.Length / 1e6:F0} MB, with a first token, {(prepack ? "packed" : "mapped")}: {1000 * loading:F0} ms, reading the file {1000 * reading:F0} ms: {loading / reading:F2} times");
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);

    private static void Write(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    /// <summary>One way to run the model.</summary>
    private sealed class Side(string name, long weights, Action reset, Action<int[]> forward, Action dispose) : IDisposable
    {
        private readonly Random _random = new(1);
        private readonly List<double> _prompts = [];
        private readonly List<double> _tokens = [];

        public string Name => name;

        /// <summary>Bytes that a token reads.</summary>
        public long Weights => weights;

        public double PromptSeconds => Median(_prompts);

        public double TokenSeconds => Median(_tokens);

        public long Bytes { get; private set; }

        public void Measure(int prompt, int tokens, bool counted)
        {
            reset();
            // The threads of the side before spin a while before they sleep.
            Thread.Sleep(300);
            int[] text = [.. Enumerable.Range(0, prompt).Select(_ => _random.Next(32_000))], next = [7];
            var start = Stopwatch.GetTimestamp();
            forward(text);
            var read = Stopwatch.GetElapsedTime(start).TotalSeconds;
            forward(next);
            var before = GC.GetAllocatedBytesForCurrentThread();
            start = Stopwatch.GetTimestamp();
            for (var i = 0; i < tokens; i++) forward(next);
            var generated = Stopwatch.GetElapsedTime(start).TotalSeconds / tokens;
            if (!counted) return;
            _prompts.Add(read);
            _tokens.Add(generated);
            Bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / tokens;
        }

        public void Dispose() => dispose();
    }
}
