using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Inference;

/// <summary>
/// Single tokens of models of several sizes and forms, random weights, by ONNX Runtime and by the kernels that take its place in small models:
/// where one becomes the faster. Medians of alternating rounds.
/// </summary>
internal static class StepBenchmark
{
    private const int Tokens = 120, Rounds = 9;

    public static int Run(string[] args)
    {
        var folder = Directory.CreateTempSubdirectory("steps-");
        try
        {
            Write($"{"model",-12} {"weights",-8} {"MB",7} {"ONNX Runtime",14} {"kernels",10} {"faster",8}  tokens/s");
            foreach (var create in (Func<ICompiledModel>[])[() => ModelQDraft.Create(CPU, 1), () => ModelQHalf.Create(CPU, 1), () => ModelQ.Create(CPU, 1), () => ModelP.Create(CPU, 1)])
            foreach (var form in (QuantizationSpec?[])[null, new() { Weights = WeightType.Int8 }, new() { Weights = WeightType.Int4, Group = 64 }])
            {
                using var model = create();
                var path = Path.Combine(folder.FullName, "model");
                OnnxExport.Write(model, path, form, new ByteTokenizer(), []);
                Compare(model.Description, path, form is null ? "fp32" : KebabCase.Of(form.Weights.ToString()));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return 0;
    }

    private static void Compare(ModelDescription model, string path, string form)
    {
        using var handed = OnnxModel.Open(model, path, new(), mostStepBytes: 0);
        using var called = OnnxModel.Open(model, path, new(), mostStepBytes: long.MaxValue);
        using var first = handed.CreateInference();
        using var second = called.CreateInference();
        var (slow, fast) = DecodingRates.Of(first, second, Tokens, Rounds);
        var bytes = new FileInfo(Path.Combine(path, "model.onnx.data")).Length;
        Write($"{model.Name,-12} {form,-8} {bytes / 1e6,7:F2} {slow,14:F0} {fast,10:F0} {fast / slow,7:F2}x");
    }

    private static void Write(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));
}
