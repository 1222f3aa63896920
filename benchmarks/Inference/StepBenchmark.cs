using System.Diagnostics;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Benchmarks.Inference;

/// <summary>
/// Tokens of quantized models of several sizes and forms, random weights, by ONNX Runtime and by the kernels that take its place, of one sequence and of
/// several at once; and how long the model takes to open in both ways. Medians of alternating rounds.
/// </summary>
internal static class StepBenchmark
{
    private const int Tokens = 250, Rounds = 9, Opened = 3;

    public static int Run(string[] args)
    {
        var folder = Directory.CreateTempSubdirectory("steps-");
        try
        {
            Write($"{"model",-12} {"weights",-9} {"MB",7} {"opened",7} {"with",5} {"sequences",9} {"ONNX Runtime",14} {"kernels",10} {"faster",8}  ms, tokens/s");
            foreach (var create in (Func<ICompiledModel>[])[() => ModelQDraft.Create(CPU, 1), () => ModelQ.Create(CPU, 1), () => ModelP.Create(CPU, 1), () => ModelL.Create(CPU, 1)])
            foreach (var form in (QuantizationSpec[])[new() { Weights = WeightType.Int8 }, new() { Weights = WeightType.Int4, Group = 128 }, new() { Weights = WeightType.Int4, Group = 32 }])
            {
                using var model = create();
                if (args.Length > 0 && !args.Contains(model.Description.Name)) continue;
                var path = Path.Combine(folder.FullName, "model");
                OnnxExport.Write(model, path, form, new ByteTokenizer(), []);
                Compare(model.Description, path, form.Weights == WeightType.Int8 ? "int8" : $"int4 {form.Group}");
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
        using var handed = OnnxModel.Open(model, path, new(), kernels: false);
        using var called = OnnxModel.Open(model, path, new(), kernels: true);
        if (called.Steps is null) throw new InvalidOperationException($"{model.Name} has no kernels in {form}.");
        var (without, with) = (Opening(model, path, kernels: false), Opening(model, path, kernels: true));
        var bytes = new FileInfo(Path.Combine(path, "model.onnx.data")).Length;
        foreach (var sequences in (int[])[1, 4, 8])
        {
            using var first = handed.CreateInference(sequences);
            using var second = called.CreateInference(sequences);
            var (slow, fast) = DecodingRates.Of(first, second, Tokens / sequences, Rounds);
            Write($"{model.Name,-12} {form,-9} {bytes / 1e6,7:F2} {without,7:F0} {with,5:F0} {sequences,9} {slow,14:F0} {fast,10:F0} {fast / slow,7:F2}x");
        }
    }

    /// <summary>Milliseconds, the median.</summary>
    private static double Opening(ModelDescription model, string path, bool kernels)
    {
        List<double> times = [];
        for (var i = 0; i < Opened; i++)
        {
            var start = Stopwatch.GetTimestamp();
            OnnxModel.Open(model, path, new(), kernels).Dispose();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return times.Order().ElementAt(Opened / 2);
    }

    private static void Write(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));
}
