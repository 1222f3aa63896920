using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Graphs;

/// <summary>
/// Holds a graph to its rules; runs after each pass. Every value is assigned once and before its use, every op is known
/// and its outputs have the types that its rule infers, outputs and gradients exist, blocks keep the type they carry.
/// </summary>
public static class GraphVerifier
{
    /// <exception cref="GraphException">The first broken rule, with the pass, function and node.</exception>
    public static void Verify(Graph graph, string after)
    {
        foreach (var function in graph.Blocks.Append(graph.Main))
        {
            try
            {
                Verify(graph, function);
            }
            catch (GraphException e)
            {
                throw new GraphException($"after {after}, in {function.Name}: {e.Message}");
            }
        }
    }

    private static void Verify(Graph graph, Function function)
    {
        var types = new Dictionary<string, TensorType?>();
        void Define(string name, TensorType? type)
        {
            if (types.ContainsKey(name)) throw new GraphException($"'{name}' is assigned twice");
            types.Add(name, type);
        }

        foreach (var value in function.Inputs) Define(value.Name, value.Type);
        foreach (var parameter in function.Parameters)
        {
            Define(parameter.Name, parameter.Type);
            if (parameter.Parts.Sum(p => p.Rows.Value) != parameter.Type.Shape[0].Value)
                throw new GraphException($"the parts of '{parameter.Name}' do not add up to its rows");
        }

        // A backward function reads values that the forward function kept; a forward function names its own.
        var assigned = new HashSet<string>(function.Nodes.SelectMany(n => n.Outputs).Select(o => o.Name));
        foreach (var saved in function.Saved)
            if (!assigned.Contains(saved.Name) && !types.ContainsKey(saved.Name)) Define(saved.Name, saved.Type);

        foreach (var node in function.Nodes)
        {
            foreach (var input in node.Uses)
                if (!types.ContainsKey(input)) throw new GraphException($"{node.Op} reads '{input}' before it is assigned");
            foreach (var output in node.Outputs) Define(output.Name, output.Type);
            CheckTypes(graph, node, types);
        }

        foreach (var name in function.Outputs.Concat(function.Gradients.Select(g => g.Value)))
            if (!types.ContainsKey(name)) throw new GraphException($"output '{name}' is never assigned");
    }

    private static void CheckTypes(Graph graph, Node node, Dictionary<string, TensorType?> types)
    {
        if (node.Outputs.Any(o => o.Type is null)) return; // before InferShapes
        var inputs = node.Inputs.Select(i => i.Length == 0 ? null : types[i]).ToArray();
        if (inputs.Where((t, i) => t is null && node.Inputs[i].Length > 0).Any()) return;
        var inferred = OpTable.InferTypes(graph, node, inputs);
        if (inferred.Count != node.Outputs.Count)
            throw new GraphException($"{node.Op} has {node.Outputs.Count} outputs, not {inferred.Count}");
        for (var i = 0; i < inferred.Count; i++)
        {
            var type = node.Outputs[i].Type!;
            if (type.DType != inferred[i].DType || !type.SameShape(inferred[i]))
                throw new GraphException($"'{node.Outputs[i].Name}' is {type}, but {node.Op} gives {inferred[i]}");
        }
    }
}
