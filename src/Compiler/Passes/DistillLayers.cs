using ModelCompiler.Compiler.Distillation;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Lets layers learn from the teacher's: adds the gradients of hidden-state and relation losses where the gradient of a layer's output, and of
/// what its attention reads, passes in the block's backward function. The losses themselves have no node: they are summed as their
/// gradients are calculated. Runs after Differentiate; ChooseCheckpoints decides how the values that they read are there.
/// Before: backward(dy): d_qkv = attention_grad(..); ... After: backward(dy): d = hidden_loss_grad(dy, y); d_qkv = attention_grad(..); r = relation_loss_grad(d_qkv, qkv); ...
/// </summary>
public sealed class DistillLayers : Pass
{
    private const string Path = "training.distillation";

    public override Graph Run(Graph graph, ModelSpec spec)
    {
        if (graph.Teacher?.Layers is not { } layers) return graph;
        var name = graph.Main.Nodes.First(n => n.Op == "repeat").Attributes.String("block");
        var (forward, backward) = (graph.Block(name), graph.Block(FunctionNames.Backward(name)));
        var (distillation, output) = (spec.Training.Distillation!, forward.Outputs[0]);
        var common = distillation.Balance == BalanceKind.Normalized ? Attributes.Of(("balanced", true)) : Attributes.None;
        if (graph.Main.Nodes.Any(n => n.Attributes.Has("scaled"))) common = common.With("scaled", true);
        var nodes = backward.Nodes.ToList();

        if (distillation.Relations is { } relations)
        {
            var attention = TeacherSites.AttentionOf(forward)!;
            var at = nodes.FindIndex(n => n.Op == "attention_grad");
            var attributes = common.With(Attributes.Of(
                ("kind", relations.Kind.ToString()), ("relation_heads", relations.Heads), ("weight", relations.Weight), ("layers", graph.Times(name)),
                ("causal", !attention.Attributes.Has("causal") || attention.Attributes.Bool("causal")),
                ("heads", attention.Attributes.Long("heads")), ("kv_heads", attention.Attributes.Long("kv_heads")),
                ("teacher_heads", layers.Heads), ("teacher_kv_heads", layers.KvHeads)));
            Insert(nodes, at + 1, RelationLossGrad.OpName, nodes[at].Outputs[0].Name, attention.Inputs[0], attributes, ".relations");
        }
        if (distillation.Hidden is { } hidden)
        {
            var attributes = common.With("weight", hidden.Weight);
            if (spec.Training.Accumulate > 1) attributes = attributes.With("again", true);
            if (layers.Width != forward.Inputs[0].Type!.Last.Value) attributes = attributes.With("projected", (long)layers.Width);
            Insert(nodes, 0, HiddenLossGrad.OpName, backward.Inputs[0].Name, output, attributes, ".hidden");
        }

        var known = new HashSet<string>(forward.Saved.Select(s => s.Name));
        if (distillation.Hidden is not null) known.Add(output);
        var types = forward.Types();
        var saved = forward.Inputs.Concat(forward.Nodes.SelectMany(n => n.Outputs)).Where(v => known.Contains(v.Name)).ToEquatableArray();
        backward = backward with { Saved = saved };
        foreach (var input in backward.Inputs) types[input.Name] = input.Type!;
        backward = backward with { Nodes = InferShapes.InferNodes(graph, nodes, types).ToEquatableArray() };
        return InferShapes.Replace(InferShapes.Replace(graph, forward with { Saved = saved }), backward);
    }

    /// <summary>Puts a node behind a value; what read the value then reads the node's.</summary>
    private static void Insert(List<Node> nodes, int at, string op, string gradient, string value, Attributes attributes, string suffix)
    {
        for (var i = at; i < nodes.Count; i++)
            nodes[i] = nodes[i] with { Inputs = nodes[i].Inputs.Select(input => input == gradient ? gradient + suffix : input).ToEquatableArray() };
        nodes.Insert(at, new Node(op, EquatableArray.Of(gradient, value), EquatableArray.Of(new Value(gradient + suffix)), attributes, Path));
    }
}
