using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Passes;

/// <summary>
/// In generation latent attention keeps latents instead of the keys and values that a weight makes of them, and the weight moves to
/// the queries and the mix (DeepSeek-V2, 2024): q·(W c) = (Wᵀq)·c. The cache of a token shrinks from 2·H·D numbers to K + R.
/// Before: kv = linear(c, w); p = latent_heads(q, qr, kv, kr); m = attention(p); y = head_columns(m).
/// After: y = latent_attention(q, qr, c, kr, w). Where the product is more than that, adapted say, the whole keys are kept.
/// </summary>
public sealed class AbsorbKeys : Pass
{
    public override Graph Run(Graph graph, ModelSpec spec) => graph.Encoding is not null ? graph : graph.MapFunctions(Absorb);

    private static Function Absorb(Function function)
    {
        var producers = function.Nodes.SelectMany(n => n.Outputs.Select(o => (o.Name, Node: n))).ToDictionary(p => p.Name, p => p.Node);
        foreach (var columns in function.Nodes.Where(n => n.Op == "head_columns"))
        {
            var attention = producers[columns.Inputs[0]];
            var heads = producers[attention.Inputs[0]];
            if (!producers.TryGetValue(heads.Inputs[2], out var made) || made.Op != "linear") continue;
            var node = new Node(
                LatentAttention.OpName, EquatableArray.Of(heads.Inputs[0], heads.Inputs[1], made.Inputs[0], heads.Inputs[3], made.Inputs[1]),
                columns.Outputs, heads.Attributes, attention.Origin);
            Node[] gone = [made, heads, attention];
            function = function with
            {
                Nodes = function.Nodes.Where(n => !gone.Contains(n)).Select(n => n == columns ? node : n).ToEquatableArray(),
            };
        }
        return function;
    }
}
