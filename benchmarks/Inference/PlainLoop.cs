using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using ModelCompiler.Runtime;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Onnx;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Benchmarks.Inference;

/// <summary>
/// Model L as one writes it by hand for ONNX Runtime: standard operators, the cache concatenated by the graph and handed from run to run, one
/// packed projection of queries, keys and values, logits of the last row only.
/// </summary>
internal sealed class PlainLoop : IDisposable
{
    private const int Layers = 12, Width = 768, Heads = 12, Size = Width / Heads;

    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly string[] _inputs;
    private readonly string[] _outputs;
    private OrtValue[] _caches;
    private int _position;

    public PlainLoop(string folder)
    {
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        _session = new InferenceSession(Path.Combine(folder, "model.onnx"), options);
        _inputs = ["ids", "positions", "mask", .. Caches("past")];
        _outputs = ["logits", .. Caches("present")];
        _caches = Empty();
    }

    /// <summary>Writes the graph and the model's weights.</summary>
    public static void Write(ICompiledModel model, string folder)
    {
        Directory.CreateDirectory(folder);
        using var gradientless = no_grad();
        using var scope = NewDisposeScope();
        var weights = model.Parameters.Parameters().ToDictionary(parameter => parameter.Name, parameter => parameter.Value);
        AtomicFile.Write(Path.Combine(folder, "model.onnx.data"), stream =>
        {
            var b = new OnnxBuilder("plain", new ExternalData(stream, "model.onnx.data"));
            Define(b, weights);
            var graph = b.Build(new Dictionary<string, string>());
            AtomicFile.Write(Path.Combine(folder, "model.onnx"), file => MessageExtensions.WriteTo(graph, file));
        });
    }

    public void Reset()
    {
        foreach (var cache in _caches) cache.Dispose();
        (_caches, _position) = (Empty(), 0);
    }

    /// <summary>The logits after the last token.</summary>
    public ReadOnlySpan<float> Forward(ReadOnlySpan<int> tokens)
    {
        var (n, total) = (tokens.Length, _position + tokens.Length);
        var (ids, positions, mask) = (new long[n], new long[n], new float[n * total]);
        for (var i = 0; i < n; i++)
        {
            (ids[i], positions[i]) = (tokens[i], _position + i);
            mask.AsSpan((i * total) + _position + i + 1, total - _position - i - 1).Fill(float.NegativeInfinity);
        }

        using var idsValue = OrtValue.CreateTensorValueFromMemory(ids, [1, n]);
        using var positionsValue = OrtValue.CreateTensorValueFromMemory(positions, [1, n]);
        using var maskValue = OrtValue.CreateTensorValueFromMemory(mask, [n, total]);
        var results = _session.Run(_run, _inputs, [idsValue, positionsValue, maskValue, .. _caches], _outputs);
        foreach (var cache in _caches) cache.Dispose();
        using var logits = results[0];
        _caches = [.. results.Skip(1)];
        _position = total;
        return logits.GetTensorDataAsSpan<float>().ToArray();
    }

    public void Dispose()
    {
        foreach (var cache in _caches) cache.Dispose();
        _run.Dispose();
        _session.Dispose();
    }

    private static IEnumerable<string> Caches(string prefix) =>
        Enumerable.Range(0, Layers).SelectMany(layer => new[] { $"{prefix}.{layer}.key", $"{prefix}.{layer}.value" });

    private static OrtValue[] Empty() =>
        [.. Caches("past").Select(_ => OrtValue.CreateTensorValueFromMemory(Array.Empty<float>(), [1, Heads, 0, Size]))];

    private static void Define(OnnxBuilder b, Dictionary<string, Tensor> weights)
    {
        b.Input("ids", DataType.Int64, "1", "n");
        b.Input("positions", DataType.Int64, "1", "n");
        b.Input("mask", DataType.Float, "n", "total");
        string Op(string op, string output, params string[] inputs) => b.Node(op, "", output, inputs);
        string Ints(string name, params long[] values) => b.Constant<long>(name, DataType.Int64, values, values.Length);
        string Weight(string name) => b.Weight(name, weights[name]);
        string Matrix(string name, params string[] parts)
        {
            using var all = cat([.. parts.Select(part => weights[part + ".weight"])], 0);
            using var columns = all.t().contiguous();
            return b.Constant(name, DataType.Float, OnnxBuilder.Floats(columns), columns.shape);
        }

        string Linear(string name, string x, params string[] parts)
        {
            using var bias = cat([.. parts.Select(part => weights[part + ".bias"])], 0).contiguous();
            return Op("Add", name, Op("MatMul", name + ".product", x, Matrix(name + ".weight", parts)), b.Constant(name + ".bias", DataType.Float, OnnxBuilder.Floats(bias), bias.shape));
        }

        string Norm(string name, string x, string parameters) => b.Node(
            "LayerNormalization", "", name, [x, Weight(parameters + ".weight"), Weight(parameters + ".bias")], OnnxBuilder.Attribute("axis", -1), OnnxBuilder.Attribute("epsilon", 1e-5));
        string Transpose(string name, string x, params long[] order)
        {
            var permutation = new ModelCompiler.Runtime.Onnx.Messages.AttributeProto { Name = "perm", Type = ModelCompiler.Runtime.Onnx.Messages.AttributeProto.Types.AttributeType.Ints };
            permutation.Ints.Add(order);
            return b.Node("Transpose", "", name, [x], permutation);
        }

        var heads = Ints("heads", 0, 0, Heads, Size);
        var scale = b.Constant("scale", DataType.Float, [1 / MathF.Sqrt(Size)]);
        var joined = Ints("joined", 0, 0, Width);
        var stream = Op("Add", "embedding", Op("Gather", "tokens", Weight("embedding.weight"), "ids"), Op("Gather", "places", Weight("embedding.position.weight"), "positions"));
        for (var i = 0; i < Layers; i++)
        {
            string Name(string what) => $"{i}.{what}";
            string Of(string what) => $"blocks.{i}.{what}";
            string Heads4(string part) => Transpose(Name(part + ".heads"), Op("Reshape", Name(part + ".split"), Name(part), heads), 0, 2, 1, 3);
            var normed = Norm(Name("norm1"), stream, Of("norm1"));
            var qkv = Linear(Name("qkv"), normed, Of("attention.q"), Of("attention.k"), Of("attention.v"));
            b.Node("Split", "", [qkv, Ints(Name("widths"), Width, Width, Width)], [Name("q"), Name("k"), Name("v")], OnnxBuilder.Attribute("axis", -1));
            foreach (var (part, cache) in new[] { ("k", "key"), ("v", "value") })
            {
                b.Input($"past.{i}.{cache}", DataType.Float, "1", "12", "past", "64");
                b.Output($"present.{i}.{cache}", DataType.Float, "1", "12", "total", "64");
                b.Node("Concat", "", $"present.{i}.{cache}", [$"past.{i}.{cache}", Heads4(part)], OnnxBuilder.Attribute("axis", 2));
            }

            var scores = Op("Mul", Name("scaled"), Op("MatMul", Name("scores"), Heads4("q"), Transpose(Name("keys"), $"present.{i}.key", 0, 1, 3, 2)), scale);
            var probabilities = b.Node("Softmax", "", Name("probabilities"), [Op("Add", Name("masked"), scores, "mask")], OnnxBuilder.Attribute("axis", -1));
            var mix = Transpose(Name("mix.rows"), Op("MatMul", Name("mix"), probabilities, $"present.{i}.value"), 0, 2, 1, 3);
            stream = Op("Add", Name("residual1"), stream, Linear(Name("proj"), Op("Reshape", Name("mix.joined"), mix, joined), Of("attention.proj")));
            var hidden = Op("Gelu", Name("gelu"), Linear(Name("up"), Norm(Name("norm2"), stream, Of("norm2")), Of("mlp.up")));
            stream = Op("Add", Name("residual2"), stream, Linear(Name("down"), hidden, Of("mlp.down")));
        }

        var last = b.Node("Gather", "", "last", [stream, Ints("minus-one", -1)], OnnxBuilder.Attribute("axis", 1));
        Op("MatMul", "logits", Norm("norm", last, "norm"), Matrix("head", "head"));
        b.Output("logits", DataType.Float, "1", "1", "32000");
    }
}
