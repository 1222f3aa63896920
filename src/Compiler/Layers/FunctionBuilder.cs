using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>
/// Collects the nodes and parameters of one function while layer rules describe them. It knows the width of every
/// value, so that a linear layer knows its input's.
/// </summary>
public sealed class FunctionBuilder(ModelContext model, string function)
{
    private readonly List<Value> _inputs = [];
    private readonly List<Parameter> _parameters = [];
    private readonly List<Node> _nodes = [];
    private readonly Dictionary<string, Dim> _widths = [];

    public ModelContext Model => model;

    public string Name => function;

    /// <summary>The spec path of the layer being built.</summary>
    public string Origin { get; set; } = "architecture";

    public Dim Width(string value) => _widths[value];

    public string Input(string name, TensorType? type, Dim width)
    {
        _inputs.Add(new Value(name, type));
        _widths[name] = width;
        return name;
    }

    /// <summary>A parameter in fp32; PlacePrecision decides its compute type.</summary>
    public string Parameter(string name, Init init, params Dim[] shape)
    {
        _parameters.Add(Graphs.Parameter.Of(name, TensorType.Of(DType.F32, shape), init, Origin));
        return name;
    }

    /// <summary>Matrices over the same columns, side by side in one parameter; checkpoints have each by its own name.</summary>
    public string Packed(string name, Init init, Dim columns, Dim rows, params (string Name, Dim Rows)[] parts)
    {
        var packed = parts.Select(part => new ParameterPart(part.Name, part.Rows, init)).ToEquatableArray();
        _parameters.Add(new Parameter(name, TensorType.Of(DType.F32, rows, columns), packed, Origin));
        return name;
    }

    public void Share(string parameter, string with)
    {
        var index = _parameters.FindIndex(p => p.Name == parameter);
        _parameters[index] = _parameters[index] with { SharedWith = with };
    }

    /// <summary>Adds a node with one result of this width, and further outputs named after it.</summary>
    public string Node(string op, string output, Dim width, Attributes attributes, IEnumerable<string> inputs, params string[] further)
    {
        var outputs = new[] { output }.Concat(further.Select(f => output + "." + f)).Select(o => new Value(o));
        _nodes.Add(new Node(op, inputs.ToEquatableArray(), outputs.ToEquatableArray(), attributes, Origin));
        _widths[output] = width;
        return output;
    }

    /// <summary>A linear layer with its parameters: <c>name.weight</c> [out, in] and, if asked, <c>name.bias</c>.</summary>
    public string Linear(string name, string x, Dim width, bool bias, double deviation)
    {
        var weight = Parameter(name + ".weight", new Init(InitKind.Normal, deviation), width, Width(x));
        if (!bias) return Node("linear", name, width, Attributes.None, [x, weight]);
        var product = Node("linear", name + ".product", width, Attributes.None, [x, weight]);
        return Node("add_bias", name, width, Attributes.None, [product, Parameter(name + ".bias", new Init(InitKind.Zeros), width)]);
    }

    public Function Build(params string[] outputs) => new(
        function, _inputs.ToEquatableArray(), _parameters.ToEquatableArray(), _nodes.ToEquatableArray(), outputs.ToEquatableArray());
}

/// <summary>What layer rules know of the whole model.</summary>
public sealed class ModelContext
{
    /// <summary>Standard deviation of initial weights (GPT-2, Radford et al. 2019).</summary>
    public const double Deviation = 0.02;

    private readonly List<Function> _blocks = [];
    private int _dropoutSites;
    private int _memorySites;

    public ModelContext(ModelSpec spec, int residuals)
    {
        Spec = spec;
        Batch = new("B", spec.Training.Batch);
        Sequence = new("T", spec.Architecture.Context);
        Width = new("C", spec.Architecture.Width);
        Vocabulary = new("V", spec.Architecture.Vocabulary);
        Memory = new("M", MemoryLengths.Of(spec).Largest);
        ResidualDeviation = Deviation / Math.Sqrt(Math.Max(1, residuals));
    }

    public ModelSpec Spec { get; }

    public Dim Batch { get; }

    public Dim Sequence { get; }

    public Dim Width { get; }

    public Dim Vocabulary { get; }

    /// <summary>Positions of the memory of earlier segments; 0 in models without. What training or evaluation needs more of.</summary>
    public Dim Memory { get; }

    /// <summary>Of projections that add to the residual stream: scaled by the root of their number (GPT-2).</summary>
    public double ResidualDeviation { get; }

    /// <summary>Whether the program multiplies the gradient of the loss: LossGradient.</summary>
    public bool ScalesLoss => Spec.Training.Accumulate > 1 || Spec.Efficiency.Precision.Compute == Precision.Fp16;

    public IEnumerable<Function> Blocks => _blocks;

    /// <summary>Whether sequences may be shorter than T: their lengths are then an input.</summary>
    public bool IsPadded => ObjectiveSpec.Resolve(Spec).Kind == ObjectiveKind.Classification;

    /// <summary>The value of main that a token's vector is taken from: behind the blocks and before the heads.</summary>
    public string? Hidden { get; set; }

    /// <summary>The logits of the vocabulary, of a model with a head.</summary>
    public string? Logits { get; set; }

    /// <summary>The logits of the classes, of a model with a classifier.</summary>
    public string? Classes { get; set; }

    public void Add(Function block) => _blocks.Add(block);

    /// <summary>The number of a dropout layer, which its masks follow from.</summary>
    public int NextDropoutSite() => _dropoutSites++;

    /// <summary>The number of a layer with memory, by which the program keeps it.</summary>
    public int NextMemorySite() => _memorySites++;

    /// <summary>A dimension as a multiple of the width where it is one: 3C, 4C.</summary>
    public Dim Dim(long value) => value == Width.Value ? Width
        : value % Width.Value == 0 ? new Dim(Graphs.Dim.Of(value / Width.Value).Symbol + "C", value)
        : Graphs.Dim.Of(value);
}
