using ModelCompiler.Runtime.Onnx.Linears;
using ModelCompiler.Runtime.Training;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// The ONNX graph that a generated model writes itself into. Each method adds one layer's nodes under the name of its result and
/// returns the result; values are [batch, sequence, width] in fp32. Inputs: <c>input_ids</c>, the lengths and caches of attention,
/// and <c>rows</c>, the positions whose logits are wanted. Output: <c>logits</c> [batch, rows, V], and the caches, updated in place.
/// </summary>
public sealed partial class OnnxGraph
{
    internal const string InputIds = "input_ids", RowsInput = "rows", PositionIds = "position_ids", Logits = "logits",
        PastLengths = "seqlens_k", TotalLength = "total_sequence_length";

    private readonly Shared _shared;
    private readonly string _scope;

    internal OnnxGraph(OnnxBuilder builder, ParameterStore parameters, int context, LinearForms linears)
        : this(new Shared(builder, parameters, context, linears), "")
    {
        builder.Input(InputIds, DataType.Int64, "batch", "sequence");
        builder.Input(RowsInput, DataType.Int64, "rows");
    }

    private OnnxGraph(Shared shared, string scope) => (_shared, _scope) = (shared, scope);

    /// <summary>The parameters to write, in fp32.</summary>
    public ParameterStore Parameters => _shared.Parameters;

    /// <summary>The token ids, [batch, sequence].</summary>
    public OnnxValue Tokens => new(InputIds, 1);

    /// <summary>The inputs of linear layers, by the layer's name: what calibration observes.</summary>
    internal IReadOnlyList<(string Layer, OnnxValue Input)> LinearInputs => _shared.LinearInputs;

    /// <summary>Key-value caches, one a layer of attention.</summary>
    internal int Caches => _shared.Caches;

    private OnnxBuilder Builder => _shared.Builder;

    /// <summary>The graph, with the names of what is added within a layer of a repeated block.</summary>
    public OnnxGraph Layer(string block, int index) => new(_shared, $"{_scope}{block}.{index}.");

    /// <summary>The rows that logits are wanted of.</summary>
    public OnnxValue Rows(OnnxValue x) => x with
    {
        Name = Builder.Node("Gather", "", x.Name + ".rows", [x.Name, RowsInput], OnnxBuilder.Attribute("axis", 1)),
    };

    /// <summary>Ends the graph.</summary>
    public void Output(OnnxValue logits)
    {
        Builder.Node("Identity", "", Logits, [logits.Name]);
        Builder.Output(Logits, DataType.Float, "batch", "rows", Number(logits.Width));
    }

    private string Scoped(string name) => _scope + name;

    private static string Number(int value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A node without attributes whose result has a width.</summary>
    private OnnxValue Node(string op, string name, int width, params IEnumerable<string> inputs) => new(Builder.Node(op, "", Scoped(name), inputs), width);

    /// <summary>What all layers of a graph share.</summary>
    private sealed class Shared(OnnxBuilder builder, ParameterStore parameters, int context, LinearForms linears)
    {
        public OnnxBuilder Builder { get; } = builder;

        public ParameterStore Parameters { get; } = parameters;

        public int Context { get; } = context;

        public LinearForms Linears { get; } = linears;

        public List<(string Layer, OnnxValue Input)> LinearInputs { get; } = [];

        public int Caches { get; set; }

        public bool HasPositions { get; set; }

        public Dictionary<(int Size, double Theta, RopeScaling Scaling), (string Cosines, string Sines)> Rotations { get; } = [];
    }
}
