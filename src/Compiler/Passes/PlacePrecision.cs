using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// Under <c>precision: bf16</c> or <c>fp16</c> every parameter whose ops allow it is read from a copy of that type, and activations
/// follow. Masters, optimizer state, norms' weights and statistics, the loss and gradients of parameters stay fp32
/// (Micikevicius et al. 2018; Kalamkar et al. 2019). Layers that <c>fp32</c> names read the masters, with casts around them.
/// Before: h = linear(x, w); y = head(h, v). After, with fp32: [head]: h = linear(x, w); c = cast(h); y = head(c, v).
/// </summary>
public sealed class PlacePrecision : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec)
    {
        var precision = spec.Efficiency.Precision;
        if (precision.Compute == Precision.Fp32) return graph;
        var patterns = precision.Fp32.Select(p => new LayerPattern(p)).ToList();
        for (var i = 0; i < patterns.Count; i++) LayerNames.Check(graph, precision.Fp32[i], $"efficiency.precision.fp32[{i}]", _ => true);

        var placement = new Placement(Of(precision.Compute), patterns);
        return InferShapes.Infer(graph.MapFunctions(placement.Apply));
    }

    /// <summary>The element type of a precision in the graph.</summary>
    public static DType Of(Precision precision) => precision switch
    {
        Precision.Bf16 => DType.BF16,
        Precision.Fp16 => DType.F16,
        _ => DType.F32,
    };

    /// <summary>Which nodes compute in fp32.</summary>
    private sealed class Placement(DType compute, IReadOnlyList<LayerPattern> patterns)
    {
        public Function Apply(Function function)
        {
            var full = Full(function);
            function = function with
            {
                Parameters = function.Parameters.Select(p => full.Contains(p.Name) ? p : p with { Type = p.Type.With(compute) }).ToEquatableArray(),
            };
            return InsertCasts(function, node => OfNode(function, node, full));
        }

        /// <summary>Parameters that stay fp32: their ops want it, or one of the layers that read them is to compute in fp32.</summary>
        private HashSet<string> Full(Function function) =>
        [
            .. from node in function.Nodes
               where !OpTable.IsRepeat(node)
               from index in Enumerable.Range(0, node.Inputs.Count)
               where OpTable.Find(node.Op).KeepsFullPrecision(index) || Speaks(function, node)
               select node.Inputs[index],
        ];

        private bool Speaks(Function function, Node node) => patterns.Any(p => LayerNames.Match(p, function, node));

        /// <summary>A node computes in what its layer is to, or in fp32 where it shares a weight with a layer that does.</summary>
        private DType OfNode(Function function, Node node, HashSet<string> full)
        {
            if (OpTable.IsRepeat(node)) return OfBlock(node.Attributes.String("block"));
            var op = OpTable.Find(node.Op);
            var shares = node.Inputs.Where((input, i) => !op.KeepsFullPrecision(i) && full.Contains(input) && function.Parameters.Any(p => p.Name == input)).Any();
            return shares || Speaks(function, node) ? DType.F32 : compute;
        }

        /// <summary>What a block carries from layer to layer.</summary>
        private DType OfBlock(string block) => BlockNames.EachLayer(block).Any(layer => patterns.Any(p => p.Matches(layer))) ? DType.F32 : compute;

        private Function InsertCasts(Function function, Func<Node, DType> typeOf)
        {
            var isMain = function.Name == "main";
            var types = function.Inputs.ToDictionary(i => i.Name, i => isMain ? i.Type!.DType : OfBlock(function.Name));
            var parameters = new HashSet<string>(function.Parameters.Select(p => p.Name));
            var nodes = new List<Node>();
            var casts = new Dictionary<(string Value, DType To), string>();

            string In(string value, DType to, string origin)
            {
                if (value.Length == 0 || parameters.Contains(value) || types[value] == to || types[value] is DType.I64 or DType.U8) return value;
                if (casts.TryGetValue((value, to), out var known)) return known;
                var name = $"{value}.{to.Text()}";
                nodes.Add(new Node(
                    "cast", EquatableArray.Of(value), EquatableArray.Of(new Value(name)), Cast.Between(types[value].Text(), to.Text()), origin));
                types[name] = to;
                return casts[(value, to)] = name;
            }

            foreach (var node in function.Nodes)
            {
                var type = typeOf(node);
                var reads = node.Op is "cross_entropy" or ErrorNorm.OpName ? node.Inputs : node.Inputs.Select(i => In(i, type, node.Origin)).ToEquatableArray();
                nodes.Add(node with { Inputs = reads });
                // Statistics, which are fp32, are read by gradients only; indices stay what they are.
                foreach (var output in node.Outputs) types[output.Name] = output.Type?.DType == DType.I64 ? DType.I64 : type;
            }
            var outputs = isMain ? function.Outputs : function.Outputs.Select(o => In(o, OfBlock(function.Name), function.Nodes.Last().Origin)).ToEquatableArray();
            return function with { Nodes = nodes.ToEquatableArray(), Outputs = outputs };
        }
    }
}
