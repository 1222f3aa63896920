using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Graphs;

/// <summary>A value of the IR: assigned once, by a node or as an input. Its type is unknown before InferShapes.</summary>
public sealed record Value(string Name, TensorType? Type = null);

/// <summary>
/// An operation. An empty string among the inputs is an optional input left out.
/// <see cref="Origin"/> is the spec path that it comes from, by which comments and diagnostics find their line.
/// </summary>
public sealed record Node(
    string Op, EquatableArray<string> Inputs, EquatableArray<Value> Outputs, Attributes Attributes, string Origin)
{
    public IEnumerable<string> Uses => Inputs.Where(i => i.Length > 0);

    /// <summary>What it reads and what it gives.</summary>
    public IEnumerable<string> Values => Uses.Concat(Outputs.Select(o => o.Name));
}

public enum InitKind
{
    Normal,
    Ones,
    Zeros,
}

public readonly record struct Init(InitKind Kind, double Deviation = 0);

/// <summary>One named tensor of a checkpoint inside a packed parameter: its rows in order.</summary>
public sealed record ParameterPart(string Name, Dim Rows, Init Init);

/// <summary>
/// A trained tensor of a function. <see cref="Type"/> is its type in the graph (the compute copy's); the master copy is
/// always fp32. <see cref="Parts"/> names what a pass has packed into it; unpacked, it is its own only part.
/// </summary>
public sealed record Parameter(string Name, TensorType Type, EquatableArray<ParameterPart> Parts, string Origin)
{
    /// <summary>The parameter whose storage this one shares, or null.</summary>
    public string? SharedWith { get; init; }

    /// <summary>Whether training leaves it as it is: it has no gradient, and lies in a buffer of its own.</summary>
    public bool Frozen { get; init; }

    /// <summary>The linear layer as which its copy is rounded under quantization-aware training, by its name in the function; null for none.</summary>
    public string? Quantized { get; init; }

    /// <summary>Matrices decay and are cast to the compute type; vectors are neither decayed nor large.</summary>
    public bool IsMatrix => Type.Shape.Count > 1;

    public static Parameter Of(string name, TensorType type, Init init, string origin) =>
        new(name, type, EquatableArray.Of(new ParameterPart(name, type.Shape[0], init)), origin);
}

/// <summary>The gradient of a parameter: the last value of its accumulation.</summary>
public sealed record ParameterGradient(string Parameter, string Value);

/// <summary>The nodes of a function from the first to the last, inclusive, which run twice, each time over half of the rows.</summary>
/// <param name="Inner">Values that nothing else reads: they exist for half of the rows at a time.</param>
/// <param name="Sliced">Other values of rows, of which it sees one half and then the other.</param>
public sealed record RowLoop(int First, int Last, EquatableArray<string> Inner, EquatableArray<string> Sliced)
{
    public IEnumerable<Node> Of(Function function) => function.Nodes.Skip(First).Take(Last - First + 1);
}

/// <summary>
/// A straight line of nodes over inputs and parameters. <see cref="Saved"/> are values of the forward function that the
/// backward function of the same block reads: kept by the former, free inputs of the latter.
/// </summary>
public sealed record Function(
    string Name,
    EquatableArray<Value> Inputs,
    EquatableArray<Parameter> Parameters,
    EquatableArray<Node> Nodes,
    EquatableArray<string> Outputs)
{
    public EquatableArray<Value> Saved { get; init; }

    public EquatableArray<ParameterGradient> Gradients { get; init; }

    /// <summary>Nodes that run over one half of the rows and then the other, after HalveMlp.</summary>
    public EquatableArray<RowLoop> Halves { get; init; }

    /// <summary>
    /// The parameter whose gradient slot a value is written to: also for what is accumulated on the way, since a kernel
    /// adds to its prior in place.
    /// </summary>
    public Dictionary<string, string> GradientSlots()
    {
        var slots = Gradients.ToDictionary(g => g.Value, g => g.Parameter);
        foreach (var node in Nodes.Reverse())
            foreach (var output in node.Outputs)
                if (slots.TryGetValue(output.Name, out var parameter))
                    foreach (var prior in node.Uses.Where(i => i == "d_" + parameter || i.StartsWith("d_" + parameter + ".", StringComparison.Ordinal)))
                        slots[prior] = parameter;
        return slots;
    }

    /// <summary>Whether a node of it gives what this one does: of a block's forward function, those that its backward function repeats.</summary>
    public bool Computes(Node node) => Nodes.Any(n => n.Outputs[0].Name == node.Outputs[0].Name);

    public Parameter Parameter(string name) => Parameters.First(p => p.Name == name);

    /// <summary>The type of every value by name: inputs, saved values, parameters and node outputs.</summary>
    public Dictionary<string, TensorType> Types()
    {
        var types = new Dictionary<string, TensorType>();
        foreach (var value in Inputs.Concat(Saved).Concat(Nodes.SelectMany(n => n.Outputs)))
            types[value.Name] = value.Type ?? throw new GraphException($"{Name}: value '{value.Name}' has no type");
        foreach (var parameter in Parameters) types[parameter.Name] = parameter.Type;
        return types;
    }
}

/// <summary>
/// A program: a main function, and the functions of its repeated blocks. The node <c>repeat</c> of main applies a block
/// n times, each time with parameters of its own, or with fewer sets of them that layers in a row share;
/// <c>repeat_backward</c> goes through it in reverse.
/// </summary>
public sealed record Graph(string Name, EquatableArray<Dim> Dims, Function Main, EquatableArray<Function> Blocks)
{
    /// <summary>What inference gives of a model that encodes a whole sequence at once; null for one that predicts next tokens.</summary>
    public EncoderValues? Encoding { get; init; }

    /// <summary>What the loss reads of a teacher; null for a model without.</summary>
    public TeacherValues? Teacher { get; init; }

    /// <summary>Segments by block, after ChooseCheckpoints: the first layer of each, and last the number of layers.</summary>
    public EquatableArray<Segments> Segments { get; init; }

    /// <summary>The matrices whose weights training removes, after ApplyPruningMasks.</summary>
    public EquatableArray<PrunedPart> Pruned { get; init; }

    /// <summary>After PlanMemory.</summary>
    public MemoryPlan? Memory { get; init; }

    public Function Block(string name) =>
        Blocks.FirstOrDefault(b => b.Name == name) ?? throw new GraphException($"no function '{name}'");

    public bool HasBlock(string name) => Blocks.Any(b => b.Name == name);

    public Graph MapFunctions(Func<Function, Function> map) =>
        this with { Main = map(Main), Blocks = Blocks.Select(map).ToEquatableArray() };

    /// <summary>How often the block is repeated.</summary>
    public int Times(string block) => Repeat(block).Attributes.Int("times");

    /// <summary>How many sets of parameters the block has; layer i uses set i / <see cref="LayersOfSet"/>.</summary>
    public int Sets(string block) => Repeat(block).Attributes is var a && a.Has("sets") ? a.Int("sets") : a.Int("times");

    /// <summary>How many layers in a row share a set of the block's parameters; 1 where each has its own.</summary>
    public int LayersOfSet(string block) => Times(block) / Sets(block);

    /// <summary>The node that applies the block.</summary>
    public Node Repeat(string block) => Main.Nodes.First(n => n.Op == "repeat" && n.Attributes.String("block") == block);
}

/// <summary>Values of main that an encoder's inference gives.</summary>
/// <param name="Hidden">The vectors of the tokens, [B, T, C].</param>
/// <param name="Logits">The logits of the vocabulary at each token, [B, T, V]; null without a head.</param>
/// <param name="Classes">The logits of the classes, [B, classes]; null without a classifier.</param>
public sealed record EncoderValues(string Hidden, string? Logits, string? Classes)
{
    public IEnumerable<string> Values => new[] { Hidden, Logits, Classes }.OfType<string>();
}

/// <summary>Checkpoint segments of a repeated block.</summary>
public sealed record Segments(string Block, EquatableArray<int> Starts)
{
    /// <summary>
    /// Nodes of main that compute the input of the first segment, and do so again in its backward pass, which is the last: till then it lies
    /// where the input of the last segment does in turn. None where it is kept.
    /// </summary>
    public EquatableArray<Node> Again { get; init; }

    public int Longest => Enumerable.Range(0, Starts.Count - 1).Max(s => Starts[s + 1] - Starts[s]);

    public int Count => Starts.Count - 1;
}

/// <summary>A matrix whose weights training removes: a part of a parameter, of some sets of its block in a row.</summary>
/// <param name="Block">Empty for a parameter of main.</param>
/// <param name="First">The first set.</param>
/// <param name="Count">How many.</param>
public sealed record PrunedPart(string Block, string Parameter, string Part, int First, int Count);

/// <summary>Names of the functions that passes derive from a block's.</summary>
public static class FunctionNames
{
    public static string Backward(string block) => block + ".backward";

    public static string Recompute(string block) => block + ".recompute";
}
