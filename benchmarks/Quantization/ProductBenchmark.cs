using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Onnx.Linears;
using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Benchmarks.Quantization;

/// <summary>
/// A linear layer's product in each form, by the number of rows: from which number on weights of 8 bits are faster than those of 4. One thread.
/// </summary>
internal static class ProductBenchmark
{
    private const int Columns = 768, Outputs = 2304, Layers = 8;

    private static readonly int[] s_rows = [1, 2, 4, 8, 16, 32, 64, 256];

    public static int Run()
    {
        using var scope = NewDisposeScope();
        (string Name, ILinearForm Form)[] forms =
        [
            ("fp32", new Fp32Linear()), ("int8", new Int8Linear(new NearestRounding(), null)),
            ("int8 static", new Int8Linear(new NearestRounding(), _ => (-4, 4))),
            ("int4, groups of 32", new PackedLinear(new NearestRounding(), new RoundingGrid(4, 32))),
            ("int4, groups of 32, zero points", new PackedLinear(new NearestRounding(), new RoundingGrid(4, 32, Symmetric: false))),
            ("int4, groups of 128", new PackedLinear(new NearestRounding(), new RoundingGrid(4, 128))),
            ("int2, groups of 64", new PackedLinear(new NearestRounding(), new RoundingGrid(2, 64))),
            ("int8 for prompts, int4", new PromptLinear(new Int8Linear(new NearestRounding(), null), new PackedLinear(new NearestRounding(), new RoundingGrid(4, 32)))),
        ];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"x [rows, {Columns}] by [{Columns}, {Outputs}], microseconds a product, the median of calls of {Layers} different ones"));
        Console.WriteLine($"{"rows",-34}{string.Concat(s_rows.Select(rows => rows.ToString(CultureInfo.InvariantCulture).PadLeft(10)))}");
        foreach (var (name, form) in forms)
        {
            var folder = Directory.CreateTempSubdirectory("products-").FullName;
            try
            {
                Write(folder, form);
                Console.WriteLine($"{name,-34}{string.Concat(Times(folder).Select(time => time.ToString("F0", CultureInfo.InvariantCulture).PadLeft(10)))}");
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        return 0;
    }

    /// <summary>Layers beside each other over one input, so that no weight is in the cache when its turn comes again.</summary>
    private static void Write(string folder, ILinearForm form)
    {
        using var stream = File.Create(Path.Combine(folder, "model.onnx.data"));
        var builder = new OnnxBuilder("products", new ExternalData(stream, "model.onnx.data"));
        builder.Input("x", DataType.Float, "1", "rows", Columns.ToString(CultureInfo.InvariantCulture));
        var length = builder.Node("Shape", "", "length", ["x"], OnnxBuilder.Attribute("start", 1), OnnxBuilder.Attribute("end", 2));
        builder.Node("Greater", "", PromptLinear.IsPrompt, [length, builder.Constant<long>("few", DataType.Int64, [4], 1)]);
        for (var layer = 0; layer < Layers; layer++)
        {
            var weight = randn(Outputs, Columns).mul_(0.02);
            builder.Node("Identity", "", $"y{layer}", [form.Write(builder, $"layer{layer}", "x", weight, null)]);
            builder.Output($"y{layer}", DataType.Float, "1", "rows", Outputs.ToString(CultureInfo.InvariantCulture));
        }

        File.WriteAllBytes(Path.Combine(folder, "model.onnx"), builder.Build(new Dictionary<string, string>()).ToByteArray());
    }

    private static IEnumerable<double> Times(string folder)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        using var session = new InferenceSession(Path.Combine(folder, "model.onnx"), options);
        using var run = new RunOptions();
        foreach (var rows in s_rows)
        {
            using var input = OrtValue.CreateTensorValueFromMemory(new float[rows * Columns].Select((_, i) => MathF.Sin(i)).ToArray(), [1, rows, Columns]);
            var times = new List<double>();
            for (var call = 0; call < (rows > 8 ? 5 : 20); call++)
            {
                var started = Stopwatch.GetTimestamp();
                using var outputs = session.Run(run, ["x"], [input], session.OutputNames);
                times.Add(Stopwatch.GetElapsedTime(started).TotalMicroseconds / Layers);
            }

            yield return times.Order().ElementAt(times.Count / 2);
        }
    }
}
