using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Layers;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Inference;

/// <summary>A repeated block in inference: its loop over layers, its key-value caches, and the values of a layer.</summary>
internal sealed class InferenceBlock(EmitContext context, Graph graph, Function function)
{
    private readonly Identifiers _parameters = ParametersEmitter.Names(context.Model, function.Name);
    private readonly Identifiers _values = new();
    private readonly LinearForms _forms = new(context, function);

    public string Name => function.Name;

    private string Type => Identifiers.Pascal(function.Name);

    private string Local => "_" + char.ToLowerInvariant(Type[0]) + Type.Substring(1);

    /// <summary>Whether layers read a whole sequence at once, without caches.</summary>
    private bool IsEncoder => graph.Encoding is not null;

    /// <summary>What a layer is told besides its tensors: the sequences that the rows continue, or the length of the sequence.</summary>
    private string Extent => IsEncoder ? "T" : "at";

    private int Times => graph.Times(function.Name);

    /// <summary>Attention nodes, each with a cache of keys and one of values, [heads, positions, D], or one of latents.</summary>
    private List<LayerCache> Caches
    {
        get
        {
            if (IsEncoder) return [];
            var types = function.Types();
            return function.Nodes.Where(LayerCache.Has).Select(n => LayerCache.Of(n, types)).ToList();
        }
    }

    /// <summary>The keys of distances, which follow from the parameters alone: each layer keeps them from a text's first token on.</summary>
    private List<Value> Distances => function.Nodes.Where(n => n.Op == "relative_keys").Select(n => n.Outputs[0]).ToList();

    private string Distance(Value value) => $"{Local}{_values[value.Name]}";

    /// <summary>Convolutions, each with the rows that it remembers: [K − 1, C].</summary>
    private List<(Node Node, long Rows, long Width, DType DType)> States
    {
        get
        {
            var types = function.Types();
            return function.Nodes.Where(n => n.Op == "convolution")
                .Select(n => (n, types[n.Inputs[1]].Shape[0].Value - 1, types[n.Inputs[0]].Last.Value, types[n.Inputs[0]].DType)).ToList();
        }
    }

    public bool HasStates => States.Count > 0;

    private string State(int index) => $"{Local}State{(States.Count > 1 ? Number(index + 1) : "")}";

    private IEnumerable<string> CacheFields(int index) => Caches[index].Parts.Select(part => $"{Local}{part}{(Caches.Count > 1 ? Number(index + 1) : "")}");

    private static string Argument(int index, string what, int count) => what + (count > 1 ? Number(index + 1) : "");

    public void Fields(SourceWriter writer)
    {
        writer.Line($"private readonly {Type}Parameters[] {Local}Parameters;");
        if (_forms.Any) writer.Line($"private readonly {_forms.Type}[] {Local}Weights;");
        for (var c = 0; c < Caches.Count; c++)
            writer.Line($"private readonly Tensor[][] {string.Join(", ", CacheFields(c))};  // by layer and sequence, {Caches[c].Comment}");
        foreach (var value in Distances) writer.Line($"private readonly Tensor[] {Distance(value)};  // by layer, [{string.Join(", ", value.Type!.Shape)}]");
        for (var c = 0; c < States.Count; c++)
            writer.Line($"private readonly Tensor[][] {State(c)};  // by layer and sequence, [{Number(States[c].Rows)}, {Number(States[c].Width)}]");
    }

    public void Construct(SourceWriter writer)
    {
        var times = Number(Times);
        writer.Line($"{Local}Parameters = new {Type}Parameters[{times}];");
        if (_forms.Any) writer.Line($"{Local}Weights = new {_forms.Type}[{times}];");
        for (var c = 0; c < Caches.Count; c++)
            foreach (var field in CacheFields(c)) writer.Line($"{field} = new Tensor[{times}][];");
        foreach (var value in Distances) writer.Line($"{Distance(value)} = new Tensor[{times}];");
        for (var c = 0; c < States.Count; c++) writer.Line($"{State(c)} = new Tensor[{times}][];");
        using (writer.Block($"for (var i = 0; i < {times}; i++)"))
        {
            writer.Line($"{Local}Parameters[i] = new {Type}Parameters({InferenceEmitter.Stores(context.Model, function.Name)}, {ParametersEmitter.Set("i", graph.LayersOfSet(function.Name))});");
            if (_forms.Any) writer.Line($"{Local}Weights[i] = new {_forms.Type}(packed, i, {Local}Parameters[i]);");
            for (var c = 0; c < Caches.Count; c++)
            {
                var cache = $"Caches.Empty(batch, {ScalarType(Caches[c].DType)}, {Caches[c].Shape})";
                foreach (var field in CacheFields(c)) writer.Line($"{field}[i] = {cache};");
            }
            foreach (var value in Distances)
                writer.Line($"{Distance(value)}[i] = Caches.Empty({ScalarType(value.Type!.DType)}, [{(Remembers ? "Positions + " : "")}Size, {Number(value.Type.Last.Value)}]);");
            for (var c = 0; c < States.Count; c++)
                writer.Line($"{State(c)}[i] = Caches.Empty(batch, {ScalarType(States[c].DType)}, [{Number(States[c].Rows)}, {Number(States[c].Width)}]);");
        }
    }

    public void Loop(SourceWriter writer)
    {
        var input = new InferenceMain(graph).Field(graph.Repeat(function.Name).Inputs[0]);
        var caches = string.Concat(Enumerable.Range(0, Caches.Count).SelectMany(CacheFields).Select(field => $", {field}[i]")
            .Concat(Distances.Select(value => $", {Distance(value)}[i]"))
            .Concat(Enumerable.Range(0, States.Count).Select(c => $", {State(c)}[i]")));
        writer.Nested(
            $"for (var i = 0; i < {Number(Times)}; i++)",
            $"{Type}Forward(s.{Type}Values, i == 0 ? s.{input} : s.{Type}Stream[(i + 1) % 2], s.{Type}Stream[i % 2], {Local}Parameters[i]{(_forms.Any ? $", {Local}Weights[i]" : "")}{caches}, {Extent});");
    }

    /// <summary>Whether the model has a memory of earlier segments.</summary>
    private bool Remembers => MemoryLengths.Of(context.Model.Spec).Evaluation > 0;

    public void Function(SourceWriter writer)
    {
        string Parameter(string value) => char.ToLowerInvariant(_values[value][0]) + _values[value].Substring(1);
        var caches = string.Concat(Enumerable.Range(0, Caches.Count).SelectMany(c => Caches[c].Parts.Select(part => $", Tensor[] {Argument(c, part.ToLowerInvariant(), Caches.Count)}"))
            .Concat(Distances.Select(value => $", Tensor {Parameter(value.Name)}"))
            .Concat(Enumerable.Range(0, States.Count).Select(c => $", Tensor[] {Argument(c, "state", States.Count)}")));
        string Spell(string value) => value == function.Inputs[0].Name ? "input"
            : value == function.Outputs[0] ? "output"
            : Distances.Any(d => d.Name == value) ? Parameter(value)
            : function.Parameters.Any(p => p.Name == value) ? "p." + _parameters[value] : "s." + _values[value];
        writer.Line();
        using (writer.Block($"private void {Type}Forward({Type}Inference s, Tensor input, Tensor output, {Type}Parameters p{(_forms.Any ? $", {_forms.Type} w" : "")}{caches}, {(IsEncoder ? "int" : "SequenceRows")} {Extent})"))
        {
            var (attention, convolution) = (0, 0);
            foreach (var node in function.Nodes)
            {
                var index = LayerCache.Has(node) ? attention++ : 0;
                var state = node.Op == "convolution" ? convolution++ : 0;
                var kernels = new KernelWriter(context, function, Spell, cached: !IsEncoder)
                {
                    Keys = Argument(index, "keys", Caches.Count),
                    Lengths = EncoderEmitter.Lengths,
                    Values = Argument(index, "values", Caches.Count),
                    Latents = Argument(index, "latents", Caches.Count),
                    State = Argument(state, "state", States.Count),
                    Weight = _forms.Spell,
                };
                kernels.Write(writer, node);
            }
        }
    }

    public void FieldsOfMain(SourceWriter writer) => writer.Lines(
        $"public readonly {Type}Inference {Type}Values;",
        $"public readonly Tensor[] {Type}Stream;  // the residual stream alternates between two buffers");

    public void ConstructActivations(SourceWriter writer, string output)
    {
        var empty = InferenceMain.Empty(function.Inputs[0].Type!, "n");
        writer.Lines(
            $"{Type}Values = new {Type}Inference(_pool, n);",
            $"{Type}Stream = [{empty}, {empty}];",
            $"{output} = {Type}Stream[{Number((Times - 1) % 2)}];");
    }

    public void Class(SourceWriter writer)
    {
        _forms.Class(writer);
        writer.Line().Line($"/// <summary>Values within {function.Name}; all layers share them.</summary>");
        using (writer.Block($"private sealed class {Type}Inference(TensorPool pool, int n)"))
        {
            foreach (var output in function.Nodes.SelectMany(n => n.Outputs).Where(o => o.Name != function.Outputs[0] && !Distances.Contains(o)))
                writer.Line($"public readonly Tensor {_values[output.Name]} = {InferenceMain.Empty(output.Type!, "n", "pool")};  {Activations.Comment(output.Type!)}");
        }
    }
}
