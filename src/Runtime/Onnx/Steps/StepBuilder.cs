using System.Globalization;
using System.Runtime.InteropServices;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx.Steps;

/// <summary>Places the values of a graph for one token, and collects its ops.</summary>
/// <param name="graph">Its constants.</param>
/// <param name="weights">Those in its file, and what ops copy of them.</param>
/// <param name="divides">Whether ops have parts.</param>
internal sealed unsafe class StepBuilder(GraphProto graph, StepWeights weights, bool divides)
{
    private const int Lanes = 16;

    private readonly Dictionary<string, TensorProto> _constants = graph.Initializer.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    private readonly Dictionary<string, StepValue> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _turned = new(StringComparer.Ordinal);
    private readonly Dictionary<string, object> _made = new(StringComparer.Ordinal);

    public StepWeights Weights => weights;

    public List<IStepOp> Ops { get; } = [];

    public List<string> Caches { get; } = [];

    /// <summary>The first op that only tokens whose logits are wanted need.</summary>
    public int HeadFrom { get; private set; } = int.MaxValue;

    /// <summary>Floats of all values.</summary>
    public int Size { get; private set; }

    /// <summary>A value that a node has given; null if none has.</summary>
    public StepValue? Find(string name) => _values.GetValueOrDefault(name);

    /// <summary>A constant of the graph.</summary>
    public TensorProto? Constant(string name) => _constants.GetValueOrDefault(name);

    /// <summary>Has a node give a value of its own.</summary>
    public StepValue Add(string name, params int[] shape)
    {
        var value = new StepValue(Size, shape);
        Size += (value.Count + Lanes - 1) / Lanes * Lanes;
        return _values[name] = value;
    }

    /// <summary>Has a node give what is there already.</summary>
    public void Alias(string name, StepValue value) => _values[name] = value;

    /// <summary>The elements of a constant.</summary>
    public ReadOnlySpan<T> Elements<T>(TensorProto tensor)
        where T : unmanaged
    {
        if (tensor.DataLocation != TensorProto.Types.DataLocation.External) return MemoryMarshal.Cast<byte, T>(tensor.RawData.Span);
        var (first, length) = External(tensor);
        return new((void*)first, checked((int)(length / sizeof(T))));
    }

    /// <summary>The elements of a constant, where they stay as long as the plan; null if there is none of this name.</summary>
    public T* Kept<T>(string name)
        where T : unmanaged
    {
        if (Constant(name) is not { } tensor) return null;
        if (tensor.DataLocation == TensorProto.Types.DataLocation.External) return (T*)External(tensor).First;
        return (T*)Once(name, () =>
        {
            var elements = Elements<T>(tensor);
            var copy = weights.Allocate<T>(elements.Length);
            elements.CopyTo(new(copy, elements.Length));
            return (nint)copy;
        });
    }

    private (nint First, long Length) External(TensorProto tensor)
    {
        long Entry(string key) => long.Parse(tensor.ExternalData.First(entry => entry.Key == key).Value, CultureInfo.InvariantCulture);
        var length = Entry("length");
        return ((nint)weights.At(Entry("offset"), length), length);
    }

    /// <summary>The parts of an op of so many units, which reads so many bytes.</summary>
    public StepParts Parts(int units, long bytes) => StepParts.Of(units, bytes, divides);

    /// <summary>From here on, only tokens whose logits are wanted are needed.</summary>
    public void BeginHead() => HeadFrom = Ops.Count;

    /// <summary>What is made of a constant once, however many nodes read it: shared layers have one set of weights.</summary>
    public T Once<T>(string key, Func<T> make)
    {
        if (!_made.TryGetValue(key, out var known)) _made.Add(key, known = make()!);
        return (T)known;
    }

    /// <summary>Notes that a value is a constant [M, K] that is read as [K, M].</summary>
    public void Turn(string name, string constant) => _turned[name] = constant;

    /// <summary>The constant that a value is, turned; null if it is none.</summary>
    public TensorProto? Turned(string name) => _turned.TryGetValue(name, out var constant) ? Constant(constant) : null;

    /// <summary>An input that is a value or a constant.</summary>
    public StepOperand? Operand(string name)
    {
        if (Find(name) is { } value) return new StepOperand(null, value.Offset, value.Count);
        return Constant(name) is { } tensor ? new StepOperand(Kept<float>(name), 0, Elements<float>(tensor).Length) : null;
    }

    /// <summary>Positions of a cache in fp32, an input of the graph [batch, Hkv, positions, D]; null if there is none.</summary>
    public int? PositionsOf(string cache) =>
        graph.Input.FirstOrDefault(input => input.Name == cache)?.Type.TensorType is { ElemType: (int)TensorProto.Types.DataType.Float } type
            ? (int)type.Shape.Dim[2].DimValue
            : null;

    /// <summary>The number of a cache, which is an input of the graph.</summary>
    public int Cache(string name)
    {
        HeadFrom = int.MaxValue; // it takes every token
        if (!Caches.Contains(name)) Caches.Add(name);
        return Caches.IndexOf(name);
    }
}

/// <summary>What nodes say of themselves.</summary>
internal static class NodeAttributes
{
    extension(NodeProto node)
    {
        public long Int(string name, long otherwise = 0) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name)?.I ?? otherwise;

        public float Float(string name, float otherwise = 0) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name)?.F ?? otherwise;

        public string Text(string name) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name)?.S.ToStringUtf8() ?? "";

        /// <summary>The name of an input; empty if it has none there.</summary>
        public string InputAt(int index) => index < node.Input.Count ? node.Input[index] : "";
    }
}
