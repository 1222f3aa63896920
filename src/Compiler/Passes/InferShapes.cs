using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Gives every value its type, from the inputs of main and of the blocks on. Leaves dtypes as the parameters have them:
/// PlacePrecision changes those and infers again.
/// </summary>
public sealed class InferShapes : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec) => Infer(graph);

    internal static Graph Infer(Graph graph)
    {
        var main = graph.Main;
        var types = Seed(main);
        var nodes = new List<Node>();
        foreach (var node in main.Nodes)
        {
            if (node.Op == "repeat")
            {
                // The type that main carries into the block is the type of the block's input.
                var name = node.Attributes.String("block");
                graph = Replace(graph, InferBlock(graph, graph.Block(name), types[node.Inputs[0]]));
            }
            nodes.Add(InferNode(graph, node, types));
        }
        return graph with { Main = main with { Nodes = nodes.ToEquatableArray() } };
    }

    /// <summary>The types of new nodes, given those of what they read.</summary>
    internal static IEnumerable<Node> InferNodes(Graph graph, IEnumerable<Node> nodes, Dictionary<string, TensorType> types) =>
        nodes.Select(node => InferNode(graph, node, types)).ToList();

    internal static Graph Replace(Graph graph, Function function) =>
        graph with { Blocks = graph.Blocks.Select(b => b.Name == function.Name ? function : b).ToEquatableArray() };

    private static Function InferBlock(Graph graph, Function block, TensorType input)
    {
        block = block with { Inputs = block.Inputs.Select(i => i with { Type = input }).ToEquatableArray() };
        var types = Seed(block);
        return block with { Nodes = block.Nodes.Select(node => InferNode(graph, node, types)).ToEquatableArray() };
    }

    private static Dictionary<string, TensorType> Seed(Function function) => function.Inputs
        .Select(i => new KeyValuePair<string, TensorType>(i.Name, i.Type!))
        .Concat(function.Parameters.Select(p => new KeyValuePair<string, TensorType>(p.Name, p.Type)))
        .ToDictionary(p => p.Key, p => p.Value);

    private static Node InferNode(Graph graph, Node node, Dictionary<string, TensorType> types)
    {
        var inputs = node.Inputs.Select(i => i.Length == 0 ? null : types[i]).ToArray();
        var outputs = node.Outputs.Zip(OpTable.InferTypes(graph, node, inputs), (value, type) => value with { Type = Named(graph, type) })
            .ToEquatableArray();
        foreach (var output in outputs) types[output.Name] = output.Type!;
        return node with { Outputs = outputs };
    }

    /// <summary>Spells dimensions as multiples of the width where they are: 3C rather than 1152.</summary>
    private static TensorType Named(Graph graph, TensorType type)
    {
        var width = graph.Dims.First(d => d.Symbol == "C");
        return type with
        {
            Shape = type.Shape.Select(d => d != Dim.Of(d.Value) || d.Value % width.Value != 0 ? d
                : d.Value == width.Value ? width : new Dim(Dim.Of(d.Value / width.Value).Symbol + "C", d.Value)).ToEquatableArray(),
        };
    }
}
