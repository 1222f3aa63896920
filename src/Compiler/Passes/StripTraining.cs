using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Turns the training forward pass into that of inference: no dropout, no loss, no targets, no padding, no memory of earlier segments,
/// whose keys and values the cache still has; main returns the logits, or what an encoder gives.
/// Before: d, m = dropout(x); y = linear(d, w); loss = cross_entropy(y, targets). After: y = linear(x, w).
/// </summary>
/// <param name="keepsLoss">Whether loss and targets stay, for a pass that judges samples.</param>
public sealed class StripTraining(bool keepsLoss = false) : Pass
{
    private static readonly string[] s_trainingInputs = [GraphBuilder.Targets, GraphBuilder.Weights, GraphBuilder.Labels, GraphBuilder.Lengths, GraphBuilder.Wanted];

    public override Graph Run(Graph graph, ModelSpec spec)
    {
        var stripped = graph.MapFunctions(f => Strip(f, graph.Encoding));
        return graph.Encoding is { } encoding ? stripped with { Encoding = encoding with { Hidden = stripped.Main.Outputs[0] } } : stripped;
    }

    /// <summary>An encoder reads sequences of any length.</summary>
    private static Attributes Strip(Node node, EncoderValues? encoding) =>
        node.Op == "attention" && encoding is not null ? node.Attributes.With(Attention.ByLength, true) : node.Attributes;

    private Function Strip(Function function, EncoderValues? encoding)
    {
        var replaced = new Dictionary<string, string>();
        string Resolve(string value) => replaced.TryGetValue(value, out var target) ? target : value == GraphBuilder.Lengths ? "" : value;
        var recalled = new HashSet<string>();
        var nodes = new List<Node>();
        var outputs = function.Outputs;
        foreach (var node in function.Nodes)
        {
            var inputs = node.Inputs.Select(Resolve).Where(i => node.Op != "relative_attention" || !recalled.Contains(i)).ToEquatableArray();
            if (node.Op == "recall" || inputs.Any(recalled.Contains)) recalled.UnionWith(node.Outputs.Select(o => o.Name));
            else if (node.Op == "dropout") replaced[node.Outputs[0].Name] = inputs[0];
            else if (!keepsLoss && Costs.IsLoss(node)) outputs = encoding?.Values.ToEquatableArray() ?? EquatableArray.Of(inputs[0]);
            else if (keepsLoss || node.Op != ErrorNorm.OpName) nodes.Add(node with { Inputs = inputs, Attributes = Strip(node, encoding) });
        }
        return function with
        {
            Inputs = keepsLoss ? function.Inputs : function.Inputs.Where(i => !s_trainingInputs.Contains(i.Name)).ToEquatableArray(),
            Nodes = nodes.ToEquatableArray(),
            Outputs = outputs.Select(Resolve).ToEquatableArray(),
        };
    }
}
