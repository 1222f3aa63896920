using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>
/// Projections of the segment, keys and values of the memory by the same weights, keys of the distances, attention, output
/// projection. No projection has a bias: u and v take its place (Dai et al. 2019).
/// </summary>
public sealed class RelativeAttentionRule : LayerRule<RelativeAttentionLayer>
{
    protected override string Build(LayerScope scope, RelativeAttentionLayer layer, string name, string x)
    {
        var (f, model, width) = (scope.Function, scope.Function.Model, scope.Function.Width(x));
        var (lengths, init) = (MemoryLengths.Of(layer), new Init(InitKind.Normal, ModelContext.Deviation));
        var both = model.Dim(2 * width.Value);

        var q = f.Linear(name + ".q", x, width, bias: false, ModelContext.Deviation);
        var weight = f.Packed(name + ".kv.weight", init, width, both, (name + ".k.weight", width), (name + ".v.weight", width));
        var kv = f.Node("linear", name + ".kv", both, Attributes.None, [x, weight]);
        var positions = Attributes.Of(("memory", model.Memory.Value), ("sequence", model.Sequence.Value), ("clamp", layer.ClampLength ?? 0));
        var r = f.Node("relative_keys", name + ".r", width, positions, [f.Parameter(name + ".r.weight", init, width, width)]);
        List<string> inputs = [q, kv, r, f.Parameter(name + ".content_bias", init, width), f.Parameter(name + ".position_bias", init, width)];
        if (lengths.Training > 0)
        {
            var site = Attributes.Of(("memory", model.Memory.Value), ("site", model.NextMemorySite()), ("same_length", layer.SameLength));
            var memory = f.Node("recall", name + ".memory", width, site, [x], "visible");
            inputs.Add(f.Node("linear", name + ".memory_kv", both, Attributes.None, [memory, weight]));
            inputs.Add(memory + ".visible");
        }
        var attributes = Attributes.Of(("heads", layer.Heads), ("memory", lengths.Evaluation), ("same_length", layer.SameLength));
        var y = f.Node("relative_attention", name + ".mix", width, attributes, inputs, "lse");
        return f.Linear(name + ".proj", y, width, bias: false, model.ResidualDeviation);
    }
}
