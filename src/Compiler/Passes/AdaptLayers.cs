using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Gives the linear layers that <c>adapt</c> names a low-rank adapter and freezes everything else (LoRA, Hu et al. 2021):
/// y = x·Wᵀ + s·(x·Aᵀ)·Bᵀ with A [r, K], B [M, r] and s = alpha / r. Runs after PackProjections, so that a packed product stays one:
/// each of its parts gets an adapter of its own, added to its columns. It leaves to Differentiate that frozen parameters have no
/// gradients, and to ParameterLayout that they lie in buffers of their own.
/// Before: y = linear(x, w). After: p = linear(x, w); h = linear(x, a); s = scale(h); y = add_product(p, s, b).
/// </summary>
public sealed class AdaptLayers : Pass
{
    private const string Path = "efficiency.adapt", Weight = ".weight";

    public override Graph Run(Graph graph, ModelSpec spec)
    {
        if (spec.Efficiency.Adapt is not { } adapt) return graph;
        var patterns = adapt.Targets.Select(t => new LayerPattern(t)).ToList();
        Check(graph, adapt, patterns);
        var dropouts = graph.Blocks.Append(graph.Main).SelectMany(f => f.Nodes).Where(n => n.Op == "dropout").Select(n => n.Attributes.Int("site"));
        var site = dropouts.DefaultIfEmpty(-1).Max() + 1;
        return InferShapes.Infer(graph.MapFunctions(function => new Adaptation(function, adapt, patterns, () => site++).Run()));
    }

    private static void Check(Graph graph, AdaptSpec adapt, List<LayerPattern> patterns)
    {
        var layers = graph.Blocks.Append(graph.Main).SelectMany(f => f.Nodes.Where(IsLinear).SelectMany(n => Parts(f, n).Select(p => p.Layer))).ToList();
        for (var i = 0; i < patterns.Count; i++)
            if (!layers.Any(patterns[i].Matches))
                throw new PassException(DiagnosticCatalog.AdaptTarget.At($"{Path}.targets[{i}]",
                    $"the model has no linear layer '{adapt.Targets[i]}'; {Suggestion.For(adapt.Targets[i], layers.Distinct().ToList(), "linear layers")}"));
    }

    private static bool IsLinear(Node node) => node.Op is "linear" or "linear_fp8";

    /// <summary>
    /// The linear layers that a product computes, by their names in the whole model and in the function, and their columns. A tied head
    /// is none: its matrix is the embedding's, into which an adapter could not be merged.
    /// </summary>
    private static IEnumerable<(string Layer, string Name, long Start, Dim Rows)> Parts(Function function, Node linear)
    {
        if (function.Nodes.Any(n => n.Op == "embedding" && n.Inputs[1] == linear.Inputs[1])) yield break;
        var start = 0L;
        foreach (var part in function.Parameter(linear.Inputs[1]).Parts)
        {
            var name = part.Name.Substring(0, part.Name.Length - Weight.Length);
            yield return (LayerNames.Prefix(function) + name, name, start, part.Rows);
            start += part.Rows.Value;
        }
    }

    private sealed class Adaptation(Function function, AdaptSpec adapt, List<LayerPattern> patterns, Func<int> site)
    {
        private readonly List<Node> _nodes = [];
        private readonly List<Parameter> _parameters = [.. function.Parameters.Select(p => p with { Frozen = true })];

        public Function Run()
        {
            foreach (var node in function.Nodes)
            {
                var parts = IsLinear(node) ? Parts(function, node).Where(p => patterns.Any(pattern => pattern.Matches(p.Layer))).ToList() : [];
                if (parts.Count == 0) _nodes.Add(node);
                else Adapt(node, parts);
            }
            return function with { Nodes = _nodes.ToEquatableArray(), Parameters = _parameters.ToEquatableArray() };
        }

        private void Adapt(Node linear, List<(string Layer, string Name, long Start, Dim Rows)> parts)
        {
            var (output, type) = (linear.Outputs[0].Name, function.Parameter(linear.Inputs[1]).Type);
            var y = Add(linear.Op, linear.Attributes, [output + ".base"], [.. linear.Inputs]);
            var x = adapt.Dropout > 0
                ? Add("dropout", Attributes.Of(("rate", adapt.Dropout), ("site", site())), [output + ".lora_x", output + ".lora_x.mask"], linear.Inputs[0])
                : linear.Inputs[0];
            for (var i = 0; i < parts.Count; i++)
            {
                var (_, name, start, rows) = parts[i];
                var rank = Dim.Of(adapt.Rank);
                // The deviation of the uniform distribution of the published implementation.
                var a = Parameter(name + ".lora_a", new Init(InitKind.Normal, 1 / Math.Sqrt(3.0 * type.Last.Value)), type.DType, rank, type.Last);
                var b = Parameter(name + ".lora_b", new Init(InitKind.Zeros), type.DType, rows, rank);
                // Of a matrix that is read twice (a segment and its memory), the second product has values of its own.
                var value = _nodes.Any(n => n.Outputs.Any(o => o.Name == name + ".lora_h")) ? $"{output}.{i}" : name;
                var h = Add("linear", Attributes.None, [value + ".lora_h"], x, a);
                var factor = (adapt.Alpha ?? adapt.Rank) / adapt.Rank;
                if (factor != 1) h = Add("scale", Attributes.Of(("factor", factor)), [value + ".lora_scaled"], h);
                y = Add("add_product", Attributes.Of(("start", start)), [i == parts.Count - 1 ? output : $"{output}.base.{i + 1}"], y, h, b);
            }
        }

        private string Add(string op, Attributes attributes, string[] outputs, params string[] inputs)
        {
            _nodes.Add(new Node(op, inputs.ToEquatableArray(), outputs.Select(o => new Value(o)).ToEquatableArray(), attributes, Path));
            return outputs[0];
        }

        private string Parameter(string name, Init init, DType type, params Dim[] shape)
        {
            if (_parameters.All(parameter => parameter.Name != name)) _parameters.Add(Graphs.Parameter.Of(name, TensorType.Of(type, shape), init, Path));
            return name;
        }
    }
}
