using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Reverse-mode differentiation of the loss, at build time. Main gets the backward nodes after its forward ones; a block
/// gets a backward function that reads saved values of the forward one. Which of them are kept and which are computed
/// again is left to ChooseCheckpoints.
/// </summary>
public sealed class Differentiate : Pass
{
    /// <summary>The name of the gradient that flows into a block's backward function.</summary>
    private const string Incoming = "dy";

    public override Graph Run(Graph graph, ModelSpec spec)
    {
        foreach (var block in graph.Blocks) graph = DifferentiateBlock(graph, block);

        var main = graph.Main;
        var gradients = new Dictionary<string, string>();
        var nodes = Backward(main, gradients);
        var typed = InferShapes.InferNodes(graph, nodes, main.Types());
        return graph with
        {
            Main = main with
            {
                Nodes = main.Nodes.Concat(typed).ToEquatableArray(),
                Outputs = main.Outputs.Concat(main.Outputs.Select(LinearCrossEntropy.Training).Where(typed.SelectMany(n => n.Outputs).Select(o => o.Name).Contains)).ToEquatableArray(),
                Gradients = OfParameters(main, gradients),
            },
        };
    }

    private static Graph DifferentiateBlock(Graph graph, Function block)
    {
        var output = block.Outputs[0];
        var input = block.Inputs[0].Name;
        var types = block.Types();
        var gradients = new Dictionary<string, string> { [output] = Incoming };
        var nodes = Backward(block, gradients);

        types[Incoming] = types[output];
        var typed = InferShapes.InferNodes(graph, nodes, types);
        var forward = new HashSet<string>(block.Nodes.SelectMany(n => n.Outputs).Select(o => o.Name).Append(input));
        var used = new HashSet<string>(nodes.SelectMany(n => n.Uses));
        // In the order of the forward function, whatever order the backward one reads them in.
        var saved = block.Inputs.Concat(block.Nodes.SelectMany(n => n.Outputs)).Where(v => used.Contains(v.Name)).ToEquatableArray();
        var backward = new Function(
            FunctionNames.Backward(block.Name), EquatableArray.Of(new Value(Incoming, types[output])), block.Parameters,
            typed.ToEquatableArray(), EquatableArray.Of(gradients[input]))
        {
            Saved = saved,
            Gradients = OfParameters(block, gradients),
        };
        graph = InferShapes.Replace(graph, block with { Saved = saved });
        return graph with { Blocks = graph.Blocks.Append(backward).ToEquatableArray() };
    }

    private static List<Node> Backward(Function function, Dictionary<string, string> gradients)
    {
        var parameters = new HashSet<string>(function.Parameters.Select(p => p.Name));
        var data = new HashSet<string>(function.Inputs.Where(i => i.Type!.DType == DType.I64 || i.Name is GraphBuilder.Weights or GraphBuilder.Numbers or GraphBuilder.Wanted).Select(i => i.Name));
        data.UnionWith(function.Nodes.Where(n => !OpTable.IsRepeat(n) && OpTable.Find(n.Op).IsData).SelectMany(n => n.Outputs).Select(o => o.Name));
        var taken = new HashSet<string>(function.Types().Keys);
        var nodes = new List<Node>();
        string Fresh(string name)
        {
            var fresh = name;
            for (var n = 2; !taken.Add(fresh); n++) fresh = $"{name}.{n}";
            return fresh;
        }

        foreach (var node in function.Nodes.Reverse())
        {
            var builder = new GradientBuilder(node, parameters.Contains, gradients, v => !data.Contains(v), Fresh, nodes);
            if (node.Op == "repeat") builder.Emit("repeat_backward", node.Attributes, [builder.OutputGradient], 0);
            else if (Costs.IsLoss(node) || gradients.ContainsKey(node.Outputs[0].Name)) OpTable.Find(node.Op).Differentiate(builder);
        }
        return function.Parameters.Any(p => p.Frozen) ? Needed(function, nodes, gradients) : nodes;
    }

    /// <summary>What the gradients of trained parameters and of the block's input need: those of frozen ones are left out.</summary>
    private static List<Node> Needed(Function function, List<Node> nodes, Dictionary<string, string> gradients)
    {
        var isMain = function.Name == "main";
        var needed = new HashSet<string>(function.Parameters.Where(p => !p.Frozen).Select(p => p.Name).Concat(isMain ? [] : [function.Inputs[0].Name])
            .Where(gradients.ContainsKey).Select(name => gradients[name]));
        var kept = new List<Node>();
        foreach (var node in nodes.AsEnumerable().Reverse())
        {
            // A block's backward pass writes the gradients of its own parameters; the loss's gradient op the loss itself.
            if (node.Op is not ("repeat_backward" or "linear_cross_entropy_grad") && !node.Outputs.Any(o => needed.Contains(o.Name))) continue;
            kept.Insert(0, node);
            needed.UnionWith(node.Uses);
        }
        return kept;
    }

    private static EquatableArray<ParameterGradient> OfParameters(Function function, Dictionary<string, string> gradients) => function.Parameters.Where(p => !p.Frozen)
        .Select(p => new ParameterGradient(
            p.Name, gradients.TryGetValue(p.Name, out var value) ? value : throw new GraphException($"parameter '{p.Name}' has no gradient")))
        .ToEquatableArray();
}
