using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;

namespace ModelCompiler.Compiler.Graphs;

/// <summary>
/// Runs a graph in double precision by the ops' reference meaning: slow, without memory plan or kernels, and the oracle
/// of tests for everything that passes do. Those of set i of a block are named <c>block.i.parameter</c>.
/// </summary>
public sealed class Interpreter(Graph graph, IReadOnlyDictionary<string, ReferenceTensor> parameters)
{
    private readonly Dictionary<(string Block, int Layer), Dictionary<string, ReferenceTensor>> _kept = [];

    /// <summary>The gradients of parameters after a run, by full name.</summary>
    public Dictionary<string, ReferenceTensor> Gradients { get; } = [];

    /// <summary>Runs main and returns every value in it by name.</summary>
    public Dictionary<string, ReferenceTensor> Run(IReadOnlyDictionary<string, ReferenceTensor> inputs)
    {
        var values = inputs.ToDictionary(p => p.Key, p => p.Value);
        Run(graph.Main, values, "", accumulate: false);
        return values;
    }

    private void Run(Function function, Dictionary<string, ReferenceTensor> values, string prefix, bool accumulate)
    {
        foreach (var parameter in function.Parameters) values[parameter.Name] = parameters[prefix + parameter.Name];
        foreach (var node in function.Nodes)
        {
            if (OpTable.IsRepeat(node))
            {
                values[node.Outputs[0].Name] = Repeat(node, values[node.Inputs[0]]);
                continue;
            }
            var inputs = node.Inputs.Select(i => i.Length == 0 ? null : values[i]).ToArray();
            var outputs = OpTable.Find(node.Op).Evaluate(new ReferenceInputs(node, inputs));
            for (var i = 0; i < outputs.Count; i++) values[node.Outputs[i].Name] = outputs[i];
        }
        foreach (var gradient in function.Gradients)
        {
            var (name, value) = (prefix + gradient.Parameter, values[gradient.Value]);
            Gradients[name] = accumulate ? value with { Data = value.Data.Zip(Gradients[name].Data, (a, b) => a + b).ToArray() } : value;
        }
    }

    private ReferenceTensor Repeat(Node node, ReferenceTensor x)
    {
        var (block, times) = (node.Attributes.String("block"), node.Attributes.Int("times"));
        var shared = graph.LayersOfSet(block);
        var backward = node.Op == "repeat_backward";
        var function = graph.Block(backward ? FunctionNames.Backward(block) : block);
        for (var n = 0; n < times; n++)
        {
            var layer = backward ? times - 1 - n : n;
            var values = new Dictionary<string, ReferenceTensor> { [function.Inputs[0].Name] = x };
            foreach (var saved in backward ? function.Saved : []) values[saved.Name] = _kept[(block, layer)][saved.Name];
            var sees = node.Attributes.Has("drop_first") && (layer < node.Attributes.Int("drop_first") || layer >= node.Attributes.Int("drop_end")) ? DropTokens.Whole(function) : function;
            // The first layer of a set that is visited gives its gradient, the others add to it.
            Run(sees, values, $"{block}.{layer / shared}.", accumulate: layer % shared != shared - 1);
            if (!backward) _kept[(block, layer)] = function.Saved.ToDictionary(s => s.Name, s => values[s.Name]);
            x = values[function.Outputs[0]];
        }
        return x;
    }
}
