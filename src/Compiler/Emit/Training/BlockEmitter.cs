using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using static ModelCompiler.Compiler.Emit.EmitContext;

namespace ModelCompiler.Compiler.Emit.Training;

/// <summary>A repeated block in the training program: its loops, its functions, and the views of a layer.</summary>
internal sealed class BlockEmitter
{
    private readonly EmitContext _context;
    private readonly Graph _graph;
    private readonly BlockMemory _memory;
    private readonly Steps _steps;
    private readonly Function _forward;
    private readonly Function _backward;
    private readonly Segments? _segments;
    private readonly Identifiers _parameters;
    private readonly Identifiers _values = new();
    private readonly Identifiers _temporaries = new();
    private readonly string _type;
    private readonly string _field;
    private readonly int _times;
    private readonly int _layersOfSet;

    public BlockEmitter(EmitContext context, Graph graph, BlockMemory memory, Steps steps)
    {
        (_context, _graph, _memory, _steps) = (context, graph, memory, steps);
        _forward = graph.Block(memory.Block);
        _backward = graph.Block(FunctionNames.Backward(memory.Block));
        _segments = graph.Segments.FirstOrDefault(s => s.Block == memory.Block);
        _parameters = ParametersEmitter.Names(context.Model, memory.Block);
        _type = Identifiers.Pascal(memory.Block);
        _field = "_" + char.ToLowerInvariant(_type[0]) + _type.Substring(1);
        _times = graph.Times(memory.Block);
        _layersOfSet = graph.LayersOfSet(memory.Block);
    }

    public string Name => _memory.Block;

    private Attributes Attributes => _graph.Repeat(Name).Attributes;

    /// <summary>Whether layers see a part of the tokens only; K is then an argument of their views.</summary>
    private bool DropsTokens => Attributes.Has("drop_first");

    /// <summary>Values over the drawn tokens that are, where those are all, values of the whole sequence: nothing is copied then.</summary>
    private Dictionary<string, string> Wholes => !DropsTokens ? [] : new()
    {
        [Gathered(_forward)] = "input",
        [_forward.Nodes.Last().Inputs[1]] = "output",
        [Gathered(_backward)] = "dOutput",
        [_backward.Nodes.Last().Inputs[1]] = "dInput",
    };

    /// <summary>The drawn tokens of a function's input.</summary>
    private static string Gathered(Function function) =>
        function.Nodes.First(n => n.Op == GatherTokens.OpName && n.Inputs[0] == function.Inputs[0].Name).Outputs[0].Name;

    private string Sequence => DropsTokens ? "s.K" : "T";

    private string KeptParameter => DropsTokens ? ", int K" : "";

    /// <summary>K of layer i.</summary>
    private string Kept => DropsTokens ? $", i is >= {Number(Attributes.Int("drop_first"))} and < {Number(Attributes.Int("drop_end"))} ? K : T" : "";

    private int Last => _times - 1;

    /// <summary>Whether layers keep more than their input; where all is computed again there are no slots.</summary>
    private bool KeepsValues => _memory.Saved.Count > 0;

    /// <summary>Whether the gradient that flows back stays in one place.</summary>
    private bool InPlace => _memory.InPlace.Count > 0;

    private Node Backpropagation => _graph.Main.Nodes.First(n => n.Op == "repeat_backward" && n.Attributes.String("block") == Name);

    /// <summary>The gradient that the last layer's backward pass begins with.</summary>
    private string Incoming => "s." + MainName(Backpropagation.Inputs[0]);

    /// <summary>The set of parameters of layer i.</summary>
    private string Set => ParametersEmitter.Set("i", _layersOfSet);

    /// <summary>Whether a layer's gradients are added to those of a micro-batch, or of a later layer with the same parameters, before it.</summary>
    private string Accumulates => (_steps.Accumulate > 1 ? _steps.Accumulates + " || " : "") + $"layer % {Number(_layersOfSet)} < {Number(_layersOfSet - 1)}";
    private IEnumerable<TensorType> ForwardViews => Views(_forward, _memory.Saved.Concat(_memory.Forward));

    private IEnumerable<TensorType> BackwardViews => Views(_backward, _memory.Backward);

    private static IEnumerable<TensorType> Views(Function function, IEnumerable<Placement> places)
    {
        var types = function.Types();
        return places.Select(place => types[place.Value]);
    }

    public void Fields(SourceWriter writer)
    {
        writer.Lines(
            $"private readonly {_type}Activations[] {_field};",
            $"private readonly {_type}Temporaries{(InPlace ? "" : "[]")} {_field}Temporaries;",
            $"private readonly {_type}Parameters[] {_field}Parameters;",
            $"private readonly {_type}Gradients[] {_field}Gradients;");
        if (IsLinearized)
            writer.Lines(
                $"private readonly {_type}Parameters[] {_field}Directions;",
                $"private readonly {_type}Gradients[] {_field}Products;");
        if (_segments is not null)
            writer.Line($"private static readonly int[] {_type}Segments = [{string.Join(", ", _segments.Starts.Select(s => Number(s)))}];  // {_context.Place("efficiency.checkpoint")}");
    }

    public void Construct(SourceWriter writer)
    {
        writer.Lines(
            $"{_field} = new {_type}Activations[{Number(_times)}];",
            InPlace
                ? $"{_field}Temporaries = new {_type}Temporaries(arena{_steps.ArgumentOf(BackwardViews)}, {Incoming});  // the gradient that flows back stays in its place"
                : $"{_field}Temporaries = new {_type}Temporaries[{Number(_times)}];",
            $"{_field}Parameters = new {_type}Parameters[{Number(_times)}];",
            $"{_field}Gradients = new {_type}Gradients[{Number(_times)}];");
        if (IsLinearized)
            writer.Lines(
                $"{_field}Directions = new {_type}Parameters[{Number(_times)}];",
                $"{_field}Products = new {_type}Gradients[{Number(_times)}];");
        var (input, output) = Stream();
        if (_segments is not null)
        {
            writer.Line("// Layer i of a segment uses slot i − start; the inputs of segments have buffers of their own.");
            using (writer.Block($"for (var segment = 0; segment < {Number(_segments.Count)}; segment++)"))
            using (writer.Block($"for (int start = {_type}Segments[segment], end = {_type}Segments[segment + 1], i = start; i < end; i++)"))
                Layer(writer, input, output, "i - start");
        }
        else
        {
            using (writer.Block($"for (var i = 0; i < {Number(_times)}; i++)")) Layer(writer, input, output, "i");
        }
    }

    /// <summary>The buffers of a layer's input and output: main's at both ends, boundaries between segments, else the stream.</summary>
    private (string Input, string Output) Stream()
    {
        var repeat = _graph.Repeat(Name);
        var (first, last) = ("s." + MainName(repeat.Inputs[0]), "s." + MainName(repeat.Outputs[0].Name));
        string At(long offset, string index) => $"arena.View({Grouped(offset)} + (({index}) * {Grouped(_memory.CarryBytes)}L), {Shape()})";
        if (_segments is null)
            return ($"i == 0 ? {first} : {At(_memory.InteriorOffset, "i - 1")}", $"i == {Number(Last)} ? {last} : {At(_memory.InteriorOffset, "i")}");
        var interior = _memory.Slots > 1;
        var boundary = $"segment == 0 ? {first} : {At(_memory.BoundaryOffset, "segment - 1")}";
        var input = interior ? $"i > start ? {At(_memory.InteriorOffset, "i - start - 1")} : {boundary}" : boundary;
        var end = $"i == {Number(Last)} ? {last} : {At(_memory.BoundaryOffset, "segment")}";
        return (input, interior ? $"i < end - 1 ? {At(_memory.InteriorOffset, "i - start")} : {end}" : end);
    }

    private string Shape()
    {
        var type = _forward.Inputs[0].Type!;
        return $"{ScalarType(type.DType)}, {Activations.Shape(type, _steps.Rows)}";
    }

    private void Layer(SourceWriter writer, string input, string output, string slot)
    {
        string Gradient(string parity) => $"arena.View({Grouped(_memory.GradientOffset)} + ({parity} % 2 * {Grouped(_memory.CarryBytes)}L), {Shape()})";
        writer.Lines(
            $"{_field}[i] = new {_type}Activations(arena{_steps.ArgumentOf(ForwardViews)}{Kept}{(KeepsValues ? $", {Grouped(_memory.SavedOffset)} + (({slot}) * {Grouped(_memory.SlotBytes)}L)" : "")},",
            $"    {input},",
            $"    {output});");
        if (!InPlace)
            writer.Lines(
                "// The gradient that flows back alternates between two buffers.",
                $"{_field}Temporaries[i] = new {_type}Temporaries(arena{_steps.ArgumentOf(BackwardViews)}{Kept}{(DropsTokens ? $", {_field}[i].Input" : "")},",
                $"    i == {Number(Last)} ? {Incoming} : {Gradient("(i + 1)")},",
                $"    i == 0 ? s.{MainName(Backpropagation.Outputs[0].Name)} : {Gradient("i")});");
        writer.Lines(
            $"{_field}Parameters[i] = new {_type}Parameters({ParametersEmitter.Stores(_context.Model, _memory.Block, "program.Model")}, {Set});",
            $"{_field}Gradients[i] = new {_type}Gradients(program.Model.Parameters, {Set});");
        if (IsLinearized)
            writer.Lines(
                $"{_field}Directions[i] = new {_type}Parameters(program.Directions, {Set});",
                $"{_field}Products[i] = new {_type}Gradients(program.Directions, {Set});");
    }

    private string MainName(string value)
    {
        var names = new Identifiers();
        foreach (var output in _graph.Main.Nodes.SelectMany(n => n.Outputs)) _ = names[output.Name];
        return names[value];
    }

    /// <summary>The statement of main that runs all layers.</summary>
    /// <param name="write">Writes a node of main.</param>
    public void Loop(SourceWriter writer, bool backward, Action<Node> write)
    {
        var times = Number(_times);
        if (!backward)
        {
            writer.Nested($"for (var i = 0; i < {times}; i++)", $"{Call("Forward", "i")};");
            return;
        }
        if (_segments is null)
        {
            writer.Nested($"for (var i = {Number(Last)}; i >= 0; i--)", $"{Call("Backward", "i")};");
            return;
        }
        using (writer.Block($"for (var segment = {Number(_segments.Count - 1)}; segment >= 0; segment--)"))
        {
            writer.Line($"int start = {_type}Segments[segment], end = {_type}Segments[segment + 1];");
            if (_segments.Again.Count > 0)
                using (writer.Block("if (segment == 0)  // its input again: it was kept for its forward pass only"))
                    foreach (var node in _segments.Again) write(node);
            using (writer.Block($"if (segment < {Number(_segments.Count - 1)})  // the last segment's activations are still in place"))
            {
                if (_segments.Longest > 1) writer.Nested("for (var i = start; i < end - 1; i++)", $"{Call("Forward", "i")};  // again");
                writer.Line($"{Call("Recompute", "end - 1")};");
            }
            writer.Nested("for (var i = end - 1; i >= start; i--)", $"{Call("Backward", "i")};");
        }
    }

    private string Call(string function, string i) => function == "Backward"
        ? $"{_type}Backward({i}, {_field}[{i}], {_field}Temporaries{(InPlace ? "" : $"[{i}]")}, {_field}Parameters[{i}], {_field}Gradients[{i}]{(IsLinearized ? $", {_field}Directions[{i}], {_field}Products[{i}]" : "")})"
        : $"{_type}{function}({i}, {_field}[{i}], {_field}Parameters[{i}]{(IsLinearized ? $", {_field}Directions[{i}]" : "")})";

    private bool IsLinearized => StepEmitter.IsLinearized(_graph);

    public void Functions(SourceWriter writer)
    {
        writer.Line();
        Forward(writer, _forward, "Forward");
        if (_segments is not null)
        {
            writer.Line().Line("// The last layer of a segment again, without what only its output needs.");
            Forward(writer, _graph.Block(FunctionNames.Recompute(Name)), "Recompute");
        }
        writer.Line();
        var slots = _backward.GradientSlots();
        var local = new HashSet<string>([.. _memory.Backward.Select(b => b.Value), .. _memory.InPlace, _backward.Inputs[0].Name, _backward.Outputs[0]]);
        string Spell(string value) => IsParameter(value) ? ParametersEmitter.Weight(_parameters, value)
            : slots.TryGetValue(value, out var parameter) ? ParametersEmitter.Gradient(_parameters, parameter)
            : local.Contains(value) ? "t." + Temporary(value)
            : "s." + Value(value);
        using (writer.Block($"private void {_type}Backward(int layer, {_type}Activations s, {_type}Temporaries t, {_type}Parameters p, {_type}Gradients g{(IsLinearized ? $", {_type}Parameters v, {_type}Gradients h" : "")})"))
        {
            if (_layersOfSet > 1) writer.Line($"var again = {Accumulates};  // all layers that share a set of parameters but the last, which comes first, add to its gradients");
            var accumulate = _layersOfSet > 1 ? "again" : _steps.Accumulates;
            KernelWriter Kernels(Func<string, string> spell, string accumulate) =>
                new(_context, _backward, spell, cached: false) { Accumulate = accumulate, Sequence = Sequence, Recomputed = _forward.Computes };
            var halved = accumulate == "false" ? "half > 0" : $"half > 0 || {accumulate}";
            Write(writer, _backward, Kernels(Spell, accumulate).Write, loop => Kernels(InLoop(Spell, loop), halved).Write);
        }
    }

    /// <summary>The nodes of a function; those that run over halves of the rows in their loops.</summary>
    private static void Write(SourceWriter writer, Function function, Action<SourceWriter, Node> write, Func<RowLoop, Action<SourceWriter, Node>> writeIn)
    {
        for (var i = 0; i < function.Nodes.Count; i++)
        {
            if (function.Halves.FirstOrDefault(h => h.First == i) is not { } loop)
            {
                write(writer, function.Nodes[i]);
                continue;
            }
            var writeHalf = writeIn(loop);
            using (writer.Block("for (var half = 0; half < 2; half++)  // of the rows"))
                foreach (var node in loop.Of(function)) writeHalf(writer, node);
            i = loop.Last;
        }
    }

    /// <summary>Values of a loop over halves of the rows: its inner ones have no others, parameters and their gradients are whole.</summary>
    private static Func<string, string> InLoop(Func<string, string> spell, RowLoop loop) =>
        value => loop.Sliced.Contains(value) ? spell(value) + "Halves[half]" : spell(value);

    private void Forward(SourceWriter writer, Function function, string name)
    {
        string Spell(string value) => IsParameter(value) ? ParametersEmitter.Weight(_parameters, value) : "s." + Value(value);
        Action<SourceWriter, Node> Kernels(Func<string, string> spell)
        {
            var kernels = new KernelWriter(_context, function, spell, cached: false) { Sequence = Sequence };
            return (writer, node) =>
            {
                PruningEmitter.Observe(writer, _context, node, Name, ParametersEmitter.Set("layer", _layersOfSet), spell);
                kernels.Write(writer, node);
            };
        }
        using (writer.Block($"private void {_type}{name}(int layer, {_type}Activations s, {_type}Parameters p{(IsLinearized ? $", {_type}Parameters v" : "")})"))
        {
            Write(writer, function, Kernels(Spell), loop => Kernels(InLoop(Spell, loop)));
            if (name == "Forward") PruningEmitter.ObserveBlock(writer, _context);
        }
    }

    /// <summary>The start of the expression of a view of the scratch.</summary>
    private string Scratch(Placement place) =>
        (Wholes.TryGetValue(place.Value, out var whole) ? $"K == T ? {whole} : " : "") + $"arena.View({Grouped(_memory.ScratchOffset + place.Offset)}";

    private bool IsParameter(string value) => _forward.Parameters.Any(p => p.Name == value);

    private string Value(string value) =>
        value == _forward.Inputs[0].Name ? "Input" : value == _forward.Outputs[0] ? "Output" : _values[value];

    private string Temporary(string value) =>
        value == _backward.Inputs[0].Name ? "dOutput" : value == _backward.Outputs[0] ? "dInput" : _temporaries[value];

    public void Classes(SourceWriter writer)
    {
        var type = _forward.Inputs[0].Type!;
        writer.Line().Line($"/// <summary>Values of one layer of {Name}: those that its backward pass reads, in its slot, and scratch that all layers share.</summary>");
        using (writer.Block($"private sealed class {_type}Activations(Arena arena{_steps.ParameterOf(ForwardViews)}{KeptParameter}{(KeepsValues ? ", long slot" : "")}, Tensor input, Tensor output)"))
        {
            if (DropsTokens) writer.Line("public readonly int K = K;  // tokens of a sequence that the layer sees");
            var sliced = new HashSet<string>(
                Sliced(_forward).Concat(_segments is null ? [] : Sliced(_graph.Block(FunctionNames.Recompute(Name)))).Concat(Sliced(_backward).Intersect(_backward.Saved.Select(s => s.Name))));
            Given(writer, "Input", "input", type, sliced.Contains(_forward.Inputs[0].Name));
            Given(writer, "Output", "output", type, sliced.Contains(_forward.Outputs[0]));
            FieldsOf(writer, _forward, _memory.Saved, Value, place => $"arena.View(slot + {Grouped(place.Offset)}", sliced);
            FieldsOf(writer, _forward, _memory.Forward, Value, Scratch, sliced);
        }
        writer.Line().Line($"/// <summary>Values of the backward pass of {Name}; all layers share them.</summary>");
        var outgoing = InPlace ? "" : ", Tensor dInput";
        using (writer.Block($"private sealed class {_type}Temporaries(Arena arena{_steps.ParameterOf(BackwardViews)}{KeptParameter}{(DropsTokens ? ", Tensor input" : "")}, Tensor dOutput{outgoing})"))
        {
            var sliced = new HashSet<string>(Sliced(_backward));
            foreach (var value in InPlace ? _memory.InPlace.AsEnumerable() : [_backward.Inputs[0].Name]) Given(writer, Temporary(value), "dOutput", type, sliced.Contains(value));
            if (!InPlace) Given(writer, "dInput", "dInput", type, sliced.Contains(_backward.Outputs[0]));
            FieldsOf(writer, _backward, _memory.Backward, Temporary, Scratch, sliced);
        }
    }

    /// <summary>The views of a function's values at their places, and their halves where its loops go through them.</summary>
    private void FieldsOf(SourceWriter writer, Function function, IEnumerable<Placement> places, Func<string, string> name, Func<Placement, string> at, HashSet<string> sliced)
    {
        var (types, inner) = (function.Types(), new HashSet<string>(function.Halves.SelectMany(loop => loop.Inner)));
        foreach (var place in places)
        {
            writer.Line(TrainingEmitter.Field(name(place.Value), types[place.Value], at(place), _steps.Rows, inner.Contains(place.Value)));
            if (sliced.Contains(place.Value)) writer.Line(TrainingEmitter.Halves(name(place.Value), types[place.Value], at(place), _steps.Rows));
        }
    }

    /// <summary>A field that is a tensor which the constructor is given.</summary>
    private static void Given(SourceWriter writer, string name, string tensor, TensorType type, bool halves)
    {
        writer.Line($"public readonly Tensor {name} = {tensor};  {Activations.Comment(type)}");
        if (halves) writer.Line($"public readonly Tensor[] {name}Halves = arena.Halves({tensor});");
    }

    private static IEnumerable<string> Sliced(Function function) => function.Halves.SelectMany(loop => loop.Sliced);
}
