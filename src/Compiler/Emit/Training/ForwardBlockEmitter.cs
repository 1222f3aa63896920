using ModelCompiler.Compiler.Distillation;
using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>A repeated block of a forward pass that nothing follows: its loop, its function, and the views of a layer.</summary>
internal sealed class ForwardBlockEmitter(EmitContext context, Graph graph, ForwardBlock memory, Steps steps)
{
    private readonly Function _function = graph.Block(memory.Block);
    private readonly Identifiers _parameters = ParametersEmitter.Names(context.Model, memory.Block);
    private readonly Identifiers _values = new();

    public string Name => memory.Block;

    private string Type => Identifiers.Pascal(Name);

    private string Field => "_" + char.ToLowerInvariant(Type[0]) + Type.Substring(1);

    private int Times => graph.Times(Name);

    public void Fields(SourceWriter writer) => writer.Lines(
        $"private readonly {Type}Activations[] {Field} = new {Type}Activations[{Number(Times)}];",
        $"private readonly {Type}Parameters[] {Field}Parameters = new {Type}Parameters[{Number(Times)}];");

    /// <param name="writer">Of the constructor.</param>
    /// <param name="main">The expression of a value of main.</param>
    public void Construct(SourceWriter writer, Func<string, string> main)
    {
        var repeat = graph.Repeat(Name);
        var type = _function.Inputs[0].Type!;
        string At(string layer) => $"arena.View({Grouped(memory.StreamOffset)} + ({layer} % 2 * {Grouped(memory.CarryBytes)}L), {ScalarType(type.DType)}, {Activations.Shape(type, steps.Rows)})";
        using (writer.Block($"for (var i = 0; i < {Number(Times)}; i++)"))
            writer.Lines(
                "// What goes from layer to layer alternates between two buffers.",
                $"{Field}[i] = new {Type}Activations(arena{(steps.Several ? ", T" : "")},",
                $"    i == 0 ? {main(repeat.Inputs[0])} : {At("(i - 1)")},",
                $"    i == {Number(Times - 1)} ? {main(repeat.Outputs[0].Name)} : {At("i")});",
                $"{Field}Parameters[i] = new {Type}Parameters(weights, {ParametersEmitter.Set("i", graph.LayersOfSet(Name))});");
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
        using (writer.Block($"private sealed class {Type}Activations(Arena arena{(steps.Several ? ", int T" : "")}, Tensor input, Tensor output)"))
        {
            writer.Line($"public readonly Tensor Input = input;  {Activations.Comment(type)}");
            writer.Line($"public readonly Tensor Output = output;  {Activations.Comment(type)}");
            foreach (var place in memory.Scratch)
                writer.Line(TrainingEmitter.Field(Value(place.Value), types[place.Value], $"arena.View({Grouped(memory.ScratchOffset + place.Offset)}", steps.Rows));
        }
    }

    private string Value(string value) => value == _function.Inputs[0].Name ? "Input" : value == _function.Outputs[0] ? "Output" : _values[value];
}
