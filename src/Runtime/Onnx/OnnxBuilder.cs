using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Onnx.Messages;
using TorchSharp;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>Collects the nodes, weights, inputs and outputs of one ONNX graph.</summary>
/// <param name="name">The model's name.</param>
/// <param name="data">Where its weights go.</param>
internal sealed class OnnxBuilder(string name, ExternalData data)
{
    /// <summary>The domain of ONNX Runtime's own operators.</summary>
    public const string Microsoft = "com.microsoft";

    private const int IrVersion = 10, Opset = 21;

    /// <summary>Weights of at most so many bytes stand in the graph itself.</summary>
    private const int InlineBytes = 1024;

    private readonly GraphProto _graph = new() { Name = name };
    private List<NodeProto> _nodes = [];
    private readonly Dictionary<string, string> _sources = new(StringComparer.Ordinal);

    public void Node(string op, string domain, IEnumerable<string> inputs, IEnumerable<string> outputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        var node = new NodeProto { OpType = op, Name = outputs.First() + "/" + op };
        if (domain.Length > 0) node.Domain = domain;
        node.Input.Add(inputs);
        node.Output.Add(outputs);
        foreach (var attribute in attributes) node.Attribute.Add(attribute);
        _nodes.Add(node);
    }

    /// <summary>Removes the node that was added last, and returns its inputs; null if its output is another.</summary>
    public IReadOnlyList<string>? TakeBack(string output)
    {
        if (_nodes is not [.., var last] || last.Output is not [var result] || result != output) return null;
        _nodes.RemoveAt(_nodes.Count - 1);
        return last.Input;
    }

    /// <summary>One of two ways to a value, whose name it returns; what is constant in them is the graph's.</summary>
    /// <param name="condition">A bool: which way.</param>
    /// <param name="output">The value's name.</param>
    /// <param name="then">Writes the nodes of one, and gives the name of its result, of type float.</param>
    /// <param name="otherwise">The same for the other.</param>
    public string If(string condition, string output, Func<string> then, Func<string> otherwise)
    {
        AttributeProto[] branches = [Branch("then_branch", output, then), Branch("else_branch", output, otherwise)];
        return Node("If", "", output, [condition], branches);
    }

    private AttributeProto Branch(string branch, string output, Func<string> write)
    {
        var outer = _nodes;
        _nodes = [];
        var result = write();
        var graph = new GraphProto { Name = $"{output}.{branch}" };
        graph.Node.Add(_nodes);
        // Of any shape.
        graph.Output.Add(new ValueInfoProto { Name = result, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)DataType.Float } } });
        _nodes = outer;
        return new() { Name = branch, G = graph, Type = AttributeProto.Types.AttributeType.Graph };
    }

    /// <summary>A node with one output, whose name it returns.</summary>
    public string Node(string op, string domain, string output, IEnumerable<string> inputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        Node(op, domain, inputs, [output], attributes);
        return output;
    }

    public static AttributeProto Attribute(string name, long value) =>
        new() { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int };

    public static AttributeProto Attribute(string name, double value) =>
        new() { Name = name, F = (float)value, Type = AttributeProto.Types.AttributeType.Float };

    public static AttributeProto Attribute(string name, string value) =>
        new() { Name = name, S = ByteString.CopyFromUtf8(value), Type = AttributeProto.Types.AttributeType.String };

    public static AttributeProto Attribute(string name, ReadOnlySpan<long> values) =>
        new() { Name = name, Ints = { values.ToArray() }, Type = AttributeProto.Types.AttributeType.Ints };

    /// <summary>Adds constant values and returns their name.</summary>
    public string Constant<T>(string constant, DataType type, ReadOnlySpan<T> values, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        var tensor = Inline<T>(constant, type, bytes.Length <= InlineBytes ? values : [], shape);
        if (bytes.Length > InlineBytes) data.Append(tensor, bytes);
        _graph.Initializer.Add(tensor);
        return constant;
    }

    /// <summary>A tensor whose values stand in the graph itself.</summary>
    internal static TensorProto Inline<T>(string name, DataType type, ReadOnlySpan<T> values, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        var tensor = new TensorProto { Name = name, DataType = (int)type };
        tensor.Dims.Add(shape.ToArray());
        if (!values.IsEmpty) tensor.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values));
        return tensor;
    }

    /// <summary>Adds a weight in fp32 once, however often it is used (tied or shared), and returns its name.</summary>
    public string Weight(string weight, Tensor values) => Once(weight, values, "fp32", () =>
    {
        using var host = values.to(ScalarType.Float32, CPU).contiguous();
        return Constant(weight, DataType.Float, Floats(host), host.shape);
    });

    /// <summary>The name under which a parameter was added in fp32; null if it was not.</summary>
    public string? Find(Tensor values) => _sources.GetValueOrDefault(Source(values, "fp32"));

    /// <summary>The name under which a parameter was added in this form before; else adds it.</summary>
    public string Once(string weight, Tensor values, string form, Func<string> add)
    {
        var source = Source(values, form);
        if (!_sources.TryGetValue(source, out var known)) _sources.Add(source, known = add());
        return known;
    }

    /// <summary>How many inputs of nodes a value is.</summary>
    public int Uses(string value) => _nodes.Sum(node => node.Input.Count(input => input == value));

    /// <summary>Adds an input and returns its name.</summary>
    public string Input(string input, DataType type, params ReadOnlySpan<string> shape)
    {
        _graph.Input.Add(Describe(input, type, shape));
        return input;
    }

    public void Output(string output, DataType type, params ReadOnlySpan<string> shape) => _graph.Output.Add(Describe(output, type, shape));

    public ModelProto Build(IReadOnlyDictionary<string, string> metadata)
    {
        _graph.Node.Add(_nodes);
        var model = new ModelProto { IrVersion = IrVersion, ProducerName = "ModelCompiler", ProducerVersion = "0.1.0", Graph = _graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = Opset });
        if (_graph.Node.Any(node => node.Domain == Microsoft)) model.OpsetImport.Add(new OperatorSetIdProto { Domain = Microsoft, Version = 1 });
        foreach (var (key, value) in metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        return model;
    }

    /// <summary>The elements of a contiguous fp32 tensor on the CPU.</summary>
    internal static unsafe ReadOnlySpan<float> Floats(Tensor host) => new(Cpu.Floats(host), checked((int)host.numel()));

    private static unsafe string Source(Tensor values, string form) => string.Create(
        CultureInfo.InvariantCulture, $"{(nint)Cpu.First(values)} {values.numel()} {form}");

    /// <summary>A dimension that is a number is fixed, another is a name.</summary>
    internal static ValueInfoProto Describe(string value, DataType type, ReadOnlySpan<string> shape)
    {
        var dimensions = new TensorShapeProto();
        foreach (var text in shape)
        {
            dimensions.Dim.Add(long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? new TensorShapeProto.Types.Dimension { DimValue = number }
                : new TensorShapeProto.Types.Dimension { DimParam = text });
        }

        return new ValueInfoProto
        {
            Name = value,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = dimensions } },
        };
    }
}
