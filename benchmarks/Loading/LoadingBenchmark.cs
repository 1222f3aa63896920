using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.HuggingFace;
using ModelCompiler.Runtime.Training;
using TorchSharp;

namespace ModelCompiler.Benchmarks.Loading;

/// <summary>
/// Loading a checkpoint of 500 MB into the masters of a model that exists, against reading its file once into memory that exists: from
/// the disk, and from the system's cache.
/// </summary>
internal static partial class LoadingBenchmark
{
    private const int Runs = 5;

    public static int Run(string[] args)
    {
        var folder = Directory.CreateTempSubdirectory("modelcompiler-loading-").FullName;
        try
        {
            Console.WriteLine("                        MB   read cold  load cold  ratio   read warm  load warm  ratio");
            Measure(folder, "gpt2", DType.F32);
            Measure(folder, "llama", DType.F32);
            Measure(folder, "llama", DType.BF16);
            Measure(folder, "llama", DType.F16);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Measure(string folder, string type, DType element)
    {
        var architecture = PretrainedArchitectures.All.Single(candidate => candidate.ModelType == type);
        using var model = new StoredModel(Layout(type, element == DType.F32 ? 124_000_000 : 248_000_000));
        var transfers = new WeightTable(architecture, model.Parameters.Layout, heads: 1).All().ToArray();
        var path = Write(folder, type, element, transfers);
        double[] Median(Action act, bool cold) => [.. Enumerable.Range(0, Runs).Select(_ => Time(path, act, cold)).Order()];
        var memory = new byte[new FileInfo(path).Length];
        var read = () => Read(path, memory);
        read();
        var load = () => PretrainedModel.Load(folder, model);
        load();
        var (coldRead, coldLoad) = (Median(read, cold: true)[Runs / 2], Median(load, cold: true)[Runs / 2]);
        var (warmRead, warmLoad) = (Median(read, cold: false)[Runs / 2], Median(load, cold: false)[Runs / 2]);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{type,-8} {element,-5} {new FileInfo(path).Length / 1e6,12:F0} {coldRead,9:F0} ms {coldLoad,7:F0} ms {coldLoad / coldRead,6:F2} {warmRead,9:F0} ms {warmLoad,7:F0} ms {warmLoad / warmRead,6:F2}"));
        File.Delete(path);
    }

    private static double Time(string path, Action act, bool cold)
    {
        if (cold)
            Forget(path);
        var start = Stopwatch.GetTimestamp();
        act();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static void Read(string path, byte[] memory)
    {
        using var file = File.OpenHandle(path, options: FileOptions.SequentialScan);
        for (var place = 0; RandomAccess.Read(file, memory.AsSpan(place), place) is > 0 and var count; place += count)
        {
        }
    }

    /// <summary>A model of a given number of parameters, 12 layers deep, in the names and shapes of an architecture.</summary>
    private static List<ParameterInfo> Layout(string type, long parameters)
    {
        const int Layers = 12, Vocabulary = 32_000;
        var (gated, biased) = (type == "llama", type == "gpt2");
        var layout = new List<ParameterInfo>();
        var width = 64;
        while (Count(width + 64) <= parameters)
            width += 64;
        var offset = 0L;
        void Add(string name, params long[] shape)
        {
            layout.Add(new(name, shape, offset, false, ParameterInit.Zeros));
            offset += layout[^1].Length;
        }

        Add("embedding.weight", Vocabulary, width);
        if (biased)
            Add("embedding.position.weight", 1024, width);
        for (var i = 0; i < Layers; i++)
        {
            foreach (var (name, outputs, inputs) in Matrices(width))
            {
                Add($"blocks.{i}.{name}.weight", outputs, inputs);
                if (biased)
                    Add($"blocks.{i}.{name}.bias", outputs);
            }

            foreach (var norm in (string[])[$"blocks.{i}.norm1", $"blocks.{i}.norm2"])
                Norm(norm);
        }

        Norm("norm");
        return layout;

        void Norm(string name)
        {
            Add(name + ".weight", width);
            if (biased)
                Add(name + ".bias", width);
        }

        IEnumerable<(string Name, long Outputs, long Inputs)> Matrices(long c) =>
        [
            .. ((string[])["q", "k", "v", "proj"]).Select(part => ("attention." + part, c, c)),
            .. (gated ? (string[])["gate", "up"] : ["up"]).Select(part => ("mlp." + part, (gated ? 3 : 4) * c, c)),
            ("mlp.down", c, (gated ? 3 : 4) * c),
        ];
        long Count(long c) => (Vocabulary * c) + (Layers * Matrices(c).Sum(matrix => matrix.Outputs * matrix.Inputs));
    }

    /// <summary>A file as transformers writes it: without a digest. Its values do not matter, but are no zeros.</summary>
    private static string Write(string folder, string type, DType element, IEnumerable<WeightTransfer> transfers)
    {
        var data = new byte[1 << 20];
        new Random(1).NextBytes(data);
        for (var i = 1; i < data.Length; i += 2)
            data[i] = 0x3C; // moderate numbers in each of the types
        var header = new Dictionary<string, object>();
        long end = 0;
        foreach (var transfer in transfers)
        {
            var start = end;
            end += TensorEntry.SizeOf(element, transfer.Shape);
            header.Add(transfer.Name, new { dtype = element.Name(), shape = transfer.Shape, data_offsets = new[] { start, end } });
        }

        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        json = [.. json, .. Enumerable.Repeat((byte)' ', (8 - (json.Length % 8)) % 8)];
        var path = Path.Combine(folder, SafetensorsFolder.SingleFile);
        using (var stream = File.Create(path))
        {
            stream.Write(BitConverter.GetBytes((long)json.Length));
            stream.Write(json);
            for (; end > 0; end -= data.Length)
                stream.Write(data, 0, (int)Math.Min(data.Length, end));
            stream.Flush(flushToDisk: true); // only what is on the disk can be forgotten
        }

        var config = type == "gpt2"
            ? """{"model_type":"gpt2","vocab_size":32000,"n_positions":1024,"n_embd":64,"n_layer":12,"n_head":1}"""
            : """{"model_type":"llama","vocab_size":32000,"max_position_embeddings":1024,"hidden_size":64,"intermediate_size":64,"num_hidden_layers":12,"num_attention_heads":1,"tie_word_embeddings":true}""";
        File.WriteAllText(Path.Combine(folder, ConfigFile.Name), config);
        return path;
    }

    /// <summary>Drops a file from the system's cache (Linux).</summary>
    private static void Forget(string path)
    {
        const int DontNeed = 4;
        using var file = File.OpenHandle(path);
        _ = Advise((int)file.DangerousGetHandle(), 0, 0, DontNeed);
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(int descriptor, long offset, long length, int advice);

    /// <summary>Parameters without programs.</summary>
    private sealed class StoredModel(List<ParameterInfo> layout) : ICompiledModel
    {
        public ModelDescription Description { get; } = new()
        {
            Name = "Stored",
            Vocabulary = 32_000,
            Context = 1024,
            Batch = 1,
            SpecHash = "",
            Parameters = layout,
            Training = new TrainingSettings
            {
                Steps = 1, Seed = 1, LearningRate = 1, Warmup = 0, Decay = default, Final = 1, Source = "", Field = "", Tokenizer = default, Validation = 0,
            },
        };

        public ParameterStore Parameters { get; } = new(torch.CPU, layout, torch.float32);

        public torch.Device Device => torch.CPU;

        public ITrainingProgram CreateTraining() => throw new NotSupportedException();

        public IInferenceProgram CreateInference(int batch = 1) => throw new NotSupportedException();

        public void Dispose() => Parameters.Dispose();
    }
}
