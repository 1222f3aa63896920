using ModelCompiler.Compiler.Distillation;
using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>A repeated block of a forward pass that nothing follows: its loop, its function, and the views of a layer.</summary>
internal sealed class ForwardBlockEmitter(EmitContext context, Graph graph, ForwardPlan plan, TeacherSites? sites, ForwardBlock memory, Steps steps, long kept)
{
    private readonly TeacherSites? _sites = sites?.Block == memory.Block ? sites : null;
    private readonly Function _function = graph.Block(memory.Block);
    private readonly Identifiers _parameters = ParametersEmitter.Names(context.Model, memory.Block);
    private readonly Identifiers _values = new();

    public string Name => memory.Block;

    private string Type => Identifiers.Pascal(Name);

    private string Field => "_" + char.ToLowerInvariant(Type[0]) + Type.Substring(1);

    private int Times => graph.Times(Name);

    private bool KeepsOutputs => _sites is { Hidden: true };

    private bool KeepsPacked => _sites?.Packed is not null;

    public void Fields(SourceWriter writer)
    {
        writer.Lines(
            $"private readonly {Type}Activations[] {Field} = new {Type}Activations[{Number(Times)}];",
            $"private readonly {Type}Parameters[] {Field}Parameters = new {Type}Parameters[{Number(Times)}];");
        if (KeepsOutputs) writer.Line($"private readonly Tensor?[] _kept = new Tensor?[{Number(Times)}];  // outputs of layers, for the student's to be compared with");
    }

    /// <param name="writer">Of the constructor.</param>
    /// <param name="main">The expression of a value of main.</param>
    public void Construct(SourceWriter writer, Func<string, string> main)
    {
        var (repeat, last) = (graph.Repeat(Name), Number(Times - 1));
        var type = _function.Inputs[0].Type!;
        string View(string offset) => $"arena.View({offset}, {ScalarType(type.DType)}, {Activations.Shape(type, steps.Rows)})";
        string At(string layer) => View($"{Grouped(memory.StreamOffset)} + ({layer} % 2 * {Grouped(memory.CarryBytes)}L)");
        foreach (var (layer, offset) in plan.Layers.Where(_ => KeepsOutputs).Select(l => (l.Layer, l.Offset)))
            writer.Line($"_kept[{Number(layer)}] = {(layer == Times - 1 ? main(repeat.Outputs[0].Name) : View(Grouped(kept + offset)))};");
        if (KeepsPacked)
        {
            var packed = _function.Types()[_sites!.Packed!];
            writer.Line($"Related = arena.View({Grouped(kept + plan.Packed!.Value)}, {ScalarType(packed.DType)}, {Activations.Shape(packed, steps.Rows)});");
        }
        using (writer.Block($"for (var i = 0; i < {Number(Times)}; i++)"))
        {
            var output = $"i == {last} ? {main(repeat.Outputs[0].Name)} : {At("i")}";
            writer.Lines(
                "// What goes from layer to layer alternates between two buffers.",
                $"{Field}[i] = new {Type}Activations(arena{(steps.Several ? ", T" : "")}{(KeepsPacked ? $", i == {Number(_sites!.RelationLayer)} ? Related : null" : "")},",
                $"    i == 0 ? {main(repeat.Inputs[0])} : {(KeepsOutputs ? $"{Field}[i - 1].Output" : At("(i - 1)"))},",
                $"    {(KeepsOutputs ? $"_kept[i] ?? ({output})" : output)});",
                $"{Field}Parameters[i] = new {Type}Parameters(weights, {ParametersEmitter.Set("i", graph.LayersOfSet(Name))});");
        }
    }

    /// <summary>What the student's layers are compared with.</summary>
    public void Sites(SourceWriter writer)
    {
        if (KeepsOutputs)
        {
            writer.Line().Line("/// <summary>The output of the layer that a layer of the student stands beside.</summary>");
            using (writer.Block("public Tensor HiddenOf(int layer) => _kept[layer switch", "]!;"))
            {
                for (var i = 0; i < _sites!.Layers.Count - 1; i++) writer.Line($"{Number(i)} => {Number(_sites.Layers[i])},");
                writer.Line($"_ => {Number(_sites.RelationLayer)},");
            }
        }
        if (KeepsPacked)
            writer.Line().Line($"/// <summary>What the attention of layer {Number(_sites!.RelationLayer)} reads.</summary>").Line("public Tensor Related { get; }");
    }

    public void Loop(SourceWriter writer) =>
        writer.Nested($"for (var i = 0; i < {Number(Times)}; i++)", $"{Type}Forward({Field}[i], {Field}Parameters[i]);");

    public void Function(SourceWriter writer)
    {
        var kernels = new KernelWriter(context, _function, value => _function.Parameters.Any(p => p.Name == value) ? "p." + _parameters[value] : "s." + Value(value), cached: false);
        writer.Line();
        using (writer.Block($"private void {Type}Forward({Type}Activations s, {Type}Parameters p)"))
            foreach (var node in _function.Nodes) kernels.Write(writer, node);
    }

    public void Class(SourceWriter writer)
    {
        var (types, type) = (_function.Types(), _function.Inputs[0].Type!);
        writer.Line().Line($"/// <summary>Values of one layer of {Name}: all layers share them but for input and output.</summary>");
        using (writer.Block($"private sealed class {Type}Activations(Arena arena{(steps.Several ? ", int T" : "")}{(KeepsPacked ? ", Tensor? related" : "")}, Tensor input, Tensor output)"))
        {
            writer.Line($"public readonly Tensor Input = input;  {Activations.Comment(type)}");
            writer.Line($"public readonly Tensor Output = output;  {Activations.Comment(type)}");
            foreach (var place in memory.Scratch)
                writer.Line(TrainingEmitter.Field(Value(place.Value), types[place.Value], $"{(place.Value == _sites?.Packed ? "related ?? " : "")}arena.View({Grouped(memory.ScratchOffset + place.Offset)}", steps.Rows));
        }
    }

    private string Value(string value) => value == _function.Inputs[0].Name ? "Input" : value == _function.Outputs[0] ? "Output" : _values[value];
}
