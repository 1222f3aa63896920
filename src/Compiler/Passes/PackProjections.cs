using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Turns linear layers over one input whose results are put side by side into a single linear layer over a packed weight:
/// one matrix product instead of three for queries, keys and values, of two for a gated MLP, forward and backward.
/// The parts keep their names in checkpoints; their storage is adjacent.
/// Before: concat(linear(x, q), linear(x, k)). After: linear(x, q+k). It leaves the bias to Fuse.
/// </summary>
public sealed class PackProjections : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec) => graph.MapFunctions(Pack);

    private static Function Pack(Function function)
    {
        foreach (var concat in function.Nodes.Where(n => n.Op == "concat"))
            if (Match(function, concat) is { } match) function = Rewrite(function, concat, match);
        return function;
    }

    private sealed record Projections(IReadOnlyList<Node> Products, IReadOnlyList<Node> Biases);

    /// <summary>The linear layers under a concat, all with or all without bias and read by nothing else.</summary>
    private static Projections? Match(Function function, Node concat)
    {
        var producers = function.Nodes.SelectMany(n => n.Outputs.Select(o => (o.Name, Node: n))).ToDictionary(p => p.Name, p => p.Node);
        Node? Sole(string value, string op) =>
            producers.TryGetValue(value, out var node) && node.Op == op && Uses(function, value) == 1 ? node : null;

        var biases = concat.Inputs.Select(i => Sole(i, "add_bias")).OfType<Node>().ToList();
        if (biases.Count != 0 && biases.Count != concat.Inputs.Count) return null;
        var results = biases.Count == 0 ? concat.Inputs : biases.Select(b => b.Inputs[0]);
        var products = results.Select(r => Sole(r, "linear")).OfType<Node>().ToList();
        var packable = products.Count == concat.Inputs.Count
            && products.All(p => p.Inputs[0] == products[0].Inputs[0])
            && products.Concat(biases).All(n => Uses(function, n.Inputs[1]) == 1);
        return packable ? new(products, biases) : null;
    }

    private static int Uses(Function function, string value) =>
        function.Nodes.Sum(n => n.Inputs.Count(i => i == value)) + function.Outputs.Count(o => o == value);

    private static Function Rewrite(Function function, Node concat, Projections match)
    {
        var output = concat.Outputs[0];
        var hasBias = match.Biases.Count > 0;
        var weight = PackParameters(function, match.Products, output.Name + ".weight", concat.Origin);
        var product = new Node(
            "linear", EquatableArray.Of(match.Products[0].Inputs[0], weight.Name),
            EquatableArray.Of(hasBias ? output with { Name = output.Name + ".product" } : output), Attributes.None, concat.Origin);
        var replacement = new List<Node> { product };
        var added = new List<Parameter> { weight };
        if (hasBias)
        {
            var bias = PackParameters(function, match.Biases, output.Name + ".bias", concat.Origin);
            added.Add(bias);
            replacement.Add(new Node(
                "add_bias", EquatableArray.Of(product.Outputs[0].Name, bias.Name), EquatableArray.Of(output), Attributes.None, concat.Origin));
        }

        var removed = new HashSet<string>(match.Products.Concat(match.Biases).Select(n => n.Inputs[1]));
        var first = function.Parameters.Select((p, i) => (p, i)).First(p => removed.Contains(p.p.Name)).i;
        var parameters = function.Parameters.Where(p => !removed.Contains(p.Name)).ToList();
        parameters.InsertRange(Math.Min(first, parameters.Count), added);
        var gone = new HashSet<Node>(match.Products.Concat(match.Biases));
        return function with
        {
            Parameters = parameters.ToEquatableArray(),
            Nodes = function.Nodes.Where(n => !gone.Contains(n))
                .SelectMany(n => n == concat ? replacement : [n]).ToEquatableArray(),
        };
    }

    private static Parameter PackParameters(Function function, IReadOnlyList<Node> users, string name, string origin)
    {
        var parts = users.Select(u => function.Parameter(u.Inputs[1])).ToList();
        var rows = parts.Sum(p => p.Type.Shape[0].Value);
        var type = parts[0].Type;
        // The concat's width is spelled as a multiple of C where it is one; take its symbol from a value of that size.
        var dim = function.Nodes.SelectMany(n => n.Outputs).Select(o => o.Type?.Last).FirstOrDefault(d => d is { } v && v.Value == rows) ?? Dim.Of(rows);
        return new Parameter(
            name, type with { Shape = type.Shape.Skip(1).Prepend(dim).ToEquatableArray() },
            parts.SelectMany(p => p.Parts).ToEquatableArray(), origin);
    }
}
