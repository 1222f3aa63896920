using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ModelCompiler.Runtime.Tests.HuggingFace.Reference;

/// <summary>
/// A tiny model as transformers saves it: a configuration and tensors by their names there, drawn from a seed. It writes its files
/// by the format's description alone.
/// </summary>
internal sealed class PlainCheckpoint(JsonObject config, int seed)
{
    private readonly Random _random = new(seed);

    public JsonObject Config { get; } = config;

    public Dictionary<string, (int[] Shape, float[] Values)> Tensors { get; } = [];

    public int this[string key] => (int)Config[key]!;

    /// <summary>Adds a tensor of normal numbers.</summary>
    public void Draw(string name, double mean, double deviation, params int[] shape)
    {
        var values = new float[shape.Aggregate(1, (product, dimension) => product * dimension)];
        for (var i = 0; i < values.Length; i++)
        {
            var radius = Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble()));
            values[i] = (float)(mean + (deviation * radius * Math.Cos(2 * Math.PI * _random.NextDouble())));
        }

        Tensors.Add(name, (shape, values));
    }

    /// <summary>A linear layer [out, in] with or without bias.</summary>
    public void Linear(string name, int outputs, int inputs, bool bias)
    {
        Draw(name + ".weight", 0, 0.2, outputs, inputs);
        if (bias)
            Draw(name + ".bias", 0, 0.1, outputs);
    }

    public void Norm(string name, int width, bool bias)
    {
        Draw(name + ".weight", 1, 0.1, width);
        if (bias)
            Draw(name + ".bias", 0, 0.1, width);
    }

    public Matrix Matrix(string name) => new(Tensors[name].Shape[0], Tensors[name].Shape[1], [.. Tensors[name].Values.Select(value => (double)value)]);

    public double[] Vector(string name) => [.. Tensors[name].Values.Select(value => (double)value)];

    public double[]? OptionalVector(string name) => Tensors.ContainsKey(name) ? Vector(name) : null;

    /// <summary>Writes config.json and the weights in one file, or in several with an index.</summary>
    /// <param name="folder">Is made.</param>
    /// <param name="type">F32, BF16 or F16; the tensors here are rounded to it.</param>
    /// <param name="files">Number of files.</param>
    public void Save(string folder, string type = "F32", int files = 1)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), Config.ToJsonString());
        var places = new JsonObject();
        foreach (var (tensors, i) in Tensors.Chunk((Tensors.Count + files - 1) / files).Select((tensors, i) => (tensors, i)))
        {
            var name = files == 1 ? "model.safetensors" : $"model-{i + 1:D5}-of-{files:D5}.safetensors";
            Write(Path.Combine(folder, name), tensors.ToDictionary(tensor => tensor.Key, tensor => tensor.Value), type);
            foreach (var tensor in tensors)
                places[tensor.Key] = name;
        }

        if (files > 1)
            File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = places }.ToJsonString());
    }

    private static void Write(string path, Dictionary<string, (int[] Shape, float[] Values)> tensors, string type)
    {
        var data = new MemoryStream();
        var header = new Dictionary<string, object>();
        foreach (var (name, (shape, values)) in tensors)
        {
            var start = data.Length;
            for (var i = 0; i < values.Length; i++)
            {
                byte[] bytes = type switch
                {
                    "F32" => BitConverter.GetBytes(values[i]),
                    "F16" => BitConverter.GetBytes((Half)values[i]),
                    _ => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(values[i]) >> 16)),
                };
                data.Write(bytes);
                values[i] = type switch
                {
                    "F32" => values[i],
                    "F16" => (float)(Half)values[i],
                    _ => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(values[i]) & 0xFFFF0000),
                };
            }

            header.Add(name, new { dtype = type, shape, data_offsets = new[] { start, data.Length } });
        }

        var json = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(header));
        json = [.. json, .. Enumerable.Repeat((byte)' ', (8 - (json.Length % 8)) % 8)];
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        File.WriteAllBytes(path, [.. length, .. json, .. data.ToArray()]);
    }
}
