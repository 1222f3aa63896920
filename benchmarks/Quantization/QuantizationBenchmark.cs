using System.Globalization;
using ModelCompiler.Benchmarks.Quality;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Onnx;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Quantization;

/// <summary>
/// What each form of quantization costs model Q in bits per byte of held-out text, by the exported models in ONNX Runtime, and what it saves in
/// bytes. Model Q is trained once, and once with quantization-aware training, for the same steps from the same seed.
/// </summary>
internal static class QuantizationBenchmark
{
    private const int QuickSteps = 100, Windows = 64;

    public static int Run(string[] args)
    {
        if (args.Contains("--products")) return ProductBenchmark.Run();
        var steps = args.Contains("--quick") ? QuickSteps : args.Option("--steps", 3000);
        var seed = args.Option("--seed", 1);
        var runs = QualityRuns.Of(args);
        using var trained = runs.Trained(s => ModelQ.Create(CPU, s), steps, seed);
        using var data = Dataset.Open(trained.Description.Training, trained.Description.Vocabulary);

        Console.WriteLine(FormattableString.Invariant($"model Q after {steps} steps from seed {seed}; bits per byte on {Windows} held-out windows, bytes beside the fp32 parameters"));
        Console.WriteLine($"{"form",-52} {"bits/byte",10} {"against",9} {"smaller",8}");
        var baseline = double.NaN;
        foreach (var form in Forms()) Measure(OnnxExport.Describe(form) + (form?.Keep.Count > 0 ? ", keep: [auto]" : ""), trained, form);
        using var aware = runs.Trained(s => ModelQInt4.Create(CPU, s), steps, seed);
        Measure("trained with qat, fp32 of the rounded weights", aware, null);
        Measure(OnnxExport.Describe(aware.Description.Quantization), aware, aware.Description.Quantization);
        return 0;

        void Measure(string label, ICompiledModel model, QuantizationSpec? quantization)
        {
            var folder = Directory.CreateTempSubdirectory("quantization-").FullName;
            try
            {
                OnnxExport.Write(model, Path.Combine(folder, "onnx"), quantization, data.Tokenizer, Calibration.Windows(data, model.Description));
                var bits = BitsPerByte(model, Path.Combine(folder, "onnx"), data);
                if (double.IsNaN(baseline)) baseline = bits;
                var bytes = Directory.EnumerateFiles(Path.Combine(folder, "onnx"), "model.onnx*").Sum(file => new FileInfo(file).Length);
                Console.WriteLine(FormattableString.Invariant(
                    $"{label,-52} {bits,10:F4} {(bits / baseline) - 1,9:+0.00 %;-0.00 %;0.00 %} {4.0 * model.Description.ParameterCount / bytes,7:F2}x"));
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static QuantizationSpec?[] Forms()
    {
        var int8 = new QuantizationSpec { Weights = WeightType.Int8 };
        var int4 = new QuantizationSpec { Weights = WeightType.Int4 };
        return
        [
            null,
            int8, int8 with { Activations = ActivationRange.Static }, int8 with { Method = RoundingMethod.SmoothQuant },
            int8 with { Method = RoundingMethod.SmoothQuant, Activations = ActivationRange.Static },
            int4, int4 with { Method = RoundingMethod.Gptq }, int4 with { Method = RoundingMethod.Awq }, int4 with { Method = RoundingMethod.Hqq },
            int4 with { Symmetric = false }, int4 with { Symmetric = false, Method = RoundingMethod.Gptq },
            int4 with { Method = RoundingMethod.Gptq, Keep = EquatableArray.Of(QuantizationSpec.Auto) },
            int4 with { Method = RoundingMethod.Gptq, Group = 64, Embeddings = EmbeddingType.Int8 },
            int4 with { Method = RoundingMethod.Gptq, Group = 64, Embeddings = EmbeddingType.Int4 },
            int4 with { Weights = WeightType.Int2, Method = RoundingMethod.Gptq }, int4 with { Weights = WeightType.Int2, Method = RoundingMethod.Hqq, Symmetric = false },
        ];
    }

    private static double BitsPerByte(ICompiledModel model, string folder, Dataset data)
    {
        var context = model.Description.Context;
        var windows = new ValidationWindows(data.Validation, batch: 1, context, Windows);
        using var program = OnnxProgram.Open(model.Description, folder);
        var (tokens, targets) = (new long[context], new long[context]);
        var loss = 0.0;
        for (var window = 0; window < windows.Batches; window++)
        {
            windows.Fill(window, tokens, targets);
            program.Reset();
            loss += CrossEntropy.Of(program, 0, tokens, targets).Nats / ((double)windows.Batches * context);
        }

        return windows.BitsPerByte(loss, data.Tokenizer);
    }
}
