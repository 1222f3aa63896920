using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx.Linears;
using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// The ONNX graph that a generated model writes itself into. Each method adds one layer's nodes under the name of its result and
/// returns the result; values are [batch, sequence, width] in fp32. Inputs: <c>input_ids</c>, the lengths and caches of attention,
/// and <c>rows</c>, the positions whose logits are wanted. Output: <c>logits</c> [batch, rows, V], and the caches, updated in place.
/// An encoder has <c>attention_mask</c> in the place of the caches, 1 for each token and 0 for padding behind them, perhaps
/// <c>token_type_ids</c>, and gives also <c>last_hidden_state</c> and <c>classes</c> [batch, classes].
/// </summary>
public sealed partial class OnnxGraph
{
    internal const string InputIds = "input_ids", RowsInput = "rows", PositionIds = "position_ids", Logits = "logits",
        PastLengths = "seqlens_k", TotalLength = "total_sequence_length", Mask = "attention_mask", TypeIds = "token_type_ids",
        HiddenState = "last_hidden_state", ClassLogits = "classes";

    /// <summary>Most tokens for which products of few bits are the faster ones (benchmarks -- quantization --products).</summary>
    internal const int MostStepTokens = 4;

    private readonly Shared _shared;
    private readonly string _scope;

    internal OnnxGraph(OnnxBuilder builder, ParameterStore parameters, ModelDescription model, OnnxForms forms)
        : this(new Shared(builder, parameters, model, forms), "")
    {
        builder.Input(InputIds, DataType.Int64, "batch", "sequence");
        if (!forms.TellsPrompts) return;
        var length = builder.Node("Shape", "", "sequence_length", [InputIds], OnnxBuilder.Attribute("start", 1), OnnxBuilder.Attribute("end", 2));
        builder.Node("Greater", "", PromptLinear.IsPrompt, [length, builder.Constant<long>("step_length", DataType.Int64, [MostStepTokens], 1)]);
    }

    private OnnxGraph(Shared shared, string scope) => (_shared, _scope) = (shared, scope);

    /// <summary>The parameters to write, in fp32.</summary>
    public ParameterStore Parameters => _shared.Parameters;

    /// <summary>The token ids, [batch, sequence].</summary>
    public OnnxValue Tokens => new(InputIds, 1);

    /// <summary>The part of its sequence that each token is in, [batch, sequence].</summary>
    public OnnxValue Types
    {
        get
        {
            Builder.Input(TypeIds, DataType.Int64, "batch", "sequence");
            return new(TypeIds, 1);
        }
    }

    /// <summary>The linear layers in their order, whose inputs calibration observes.</summary>
    internal IReadOnlyList<LinearLayer> LinearLayers => _shared.LinearLayers;

    /// <summary>By a value's name, the parameters that scale its channels.</summary>
    internal IReadOnlyDictionary<string, ChannelSource> ChannelSources => _shared.ChannelSources;

    /// <summary>How many inputs of nodes a value is.</summary>
    internal int Uses(string value) => Builder.Uses(value);

    /// <summary>Whether a parameter is read as it is, as a table is whose rows are looked up.</summary>
    internal bool IsTable(Tensor parameter) => Builder.Find(parameter) is not null;

    /// <summary>Positions before a segment; null in models without relative attention.</summary>
    internal int? Memory => _shared.Memory;

    /// <summary>Key-value caches, one a layer of attention.</summary>
    internal int Caches => _shared.Caches;

    private OnnxBuilder Builder => _shared.Builder;

    /// <summary>The graph, with the names of what is added within a layer of a repeated block.</summary>
    public OnnxGraph Layer(string block, int index) => new(_shared, $"{_scope}{block}.{index}.");

    /// <summary>The rows that logits are wanted of.</summary>
    public OnnxValue Rows(OnnxValue x)
    {
        Builder.Input(RowsInput, DataType.Int64, "rows");
        Scales(x.Name + ".rows", x);
        return x with { Name = Builder.Node("Gather", "", x.Name + ".rows", [x.Name, RowsInput], OnnxBuilder.Attribute("axis", 1)) };
    }

    /// <summary>Gives the logits of the vocabulary.</summary>
    public void Output(OnnxValue logits) => Output(Logits, logits, "rows");

    /// <summary>Gives the vectors of an encoder.</summary>
    public void Hidden(OnnxValue vectors) => Output(HiddenState, vectors, "sequence");

    /// <summary>Gives the logits of a classifier.</summary>
    public void Classes(OnnxValue logits) => Output(ClassLogits, logits);

    private void Output(string output, OnnxValue value, params ReadOnlySpan<string> rows)
    {
        Builder.Node("Identity", "", output, [value.Name]);
        Builder.Output(output, DataType.Float, ["batch", .. rows, Number(value.Width)]);
    }

    /// <summary>The positions of the tokens, int64 [batch, sequence] or [1, sequence].</summary>
    private string Positions() => _shared.Positions ??= _shared.IsEncoder ? CountPositions() : Builder.Input(PositionIds, DataType.Int64, "batch", "sequence");

    private string Scoped(string name) => _scope + name;

    /// <summary>What a layer adds beside its result.</summary>
    private NodeScope Inner(string name) => new(Builder, Scoped(name) + ".");

    /// <summary>Notes that scaling these parameters, by their first dimension, scales the channels of a value.</summary>
    private void Scales(string value, params ReadOnlySpan<Tensor?> parameters)
    {
        var scaled = new List<(Tensor, int)>();
        foreach (var parameter in parameters)
            if (parameter is not null) scaled.Add((parameter, 0));
        _shared.ChannelSources[value] = new(scaled, []);
    }

    /// <summary>Notes that a value's channels are those of another from <paramref name="start"/> on, scaled as they are.</summary>
    private void Scales(string value, OnnxValue source, int start = 0, Tensor? bias = null)
    {
        if (!_shared.ChannelSources.TryGetValue(source.Name, out var known)) return;
        IEnumerable<(Tensor Parameter, int Start)> parameters = bias is null ? known.Parameters : known.Parameters.Append((bias, 0));
        _shared.ChannelSources[value] = new([.. parameters.Select(p => (p.Parameter, p.Start + start))], [.. known.Through, source.Name]);
    }

    private static string Number(int value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A node without attributes whose result has a width.</summary>
    private OnnxValue Node(string op, string name, int width, params IEnumerable<string> inputs) => new(Builder.Node(op, "", Scoped(name), inputs), width);

    /// <summary>What all layers of a graph share.</summary>
    private sealed class Shared(OnnxBuilder builder, ParameterStore parameters, ModelDescription model, OnnxForms forms)
    {
        public OnnxBuilder Builder { get; } = builder;

        public ParameterStore Parameters { get; } = parameters;

        public int Context { get; } = model.Context;

        /// <summary>Whether it reads whole sequences, from position 0 on.</summary>
        public bool IsEncoder { get; } = model.Training.Objective.Kind != ObjectiveKind.Causal;

        public OnnxForms Forms { get; } = forms;

        /// <summary>Whether it has operators of the ONNX standard alone.</summary>
        public bool IsStandard => Forms.IsStandard;

        public List<LinearLayer> LinearLayers { get; } = [];

        public Dictionary<string, ChannelSource> ChannelSources { get; } = new(StringComparer.Ordinal);

        public int Caches { get; set; }

        /// <summary>What <see cref="OnnxGraph.Add"/> has given last.</summary>
        public string? Sum { get; set; }

        /// <summary>What <see cref="OnnxGraph.Positions"/> has added.</summary>
        public string? Positions { get; set; }

        public bool HasMask { get; set; }

        /// <summary>Convolutions, each with a state.</summary>
        public int States { get; set; }

        /// <summary>What <see cref="OnnxGraph.KeysOf"/> has added, by window.</summary>
        public Dictionary<(bool Causal, int Window), QueryKeys> Keys { get; } = [];

        /// <summary>Positions before a segment; null in models without relative attention.</summary>
        public int? Memory { get; set; }

        /// <summary>What <see cref="OnnxGraph.Lengths"/> has added.</summary>
        public (string Last, string Total)? Lengths { get; set; }

        public Dictionary<(int Size, double Theta, RopeScaling Scaling), (string Cosines, string Sines)> Rotations { get; } = [];
    }
}
