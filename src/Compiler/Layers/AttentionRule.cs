using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>Query, key and value projections, packed side by side; QK norm; rotation; attention; output projection.</summary>
public sealed class AttentionRule : LayerRule<AttentionLayer>
{
    /// <summary>Of QK norms; the heads are narrow, and their scale is what attention reads.</summary>
    private const double Epsilon = 1e-6;

    protected override string Build(LayerScope scope, AttentionLayer layer, string name, string x)
    {
        var (f, model) = (scope.Function, scope.Function.Model);
        var (width, kvHeads) = (f.Width(x), layer.KvHeads ?? layer.Heads);
        var size = layer.HeadSize ?? width.Value / layer.Heads;
        var queryWidth = model.Dim(layer.Heads * size);
        var kvWidth = model.Dim(kvHeads * size);
        string Project(string part, Dim to) => f.Linear($"{name}.{part}", x, to, layer.QkvBias ?? layer.Bias, ModelContext.Deviation);

        string[] parts = [Project("q", queryWidth), Project("k", kvWidth), Project("v", kvWidth)];
        var packed = model.Dim(queryWidth.Value + (2 * kvWidth.Value));
        var y = f.Node("concat", name + ".qkv", packed, Concat.Starts([queryWidth.Value, kvWidth.Value, kvWidth.Value]), parts);

        var heads = Attributes.Of(("heads", layer.Heads), ("kv_heads", kvHeads));
        if (layer.QkNorm)
        {
            var ones = new Init(InitKind.Ones);
            var (q, k) = (f.Parameter(name + ".q_norm.weight", ones, Dim.Of(size)), f.Parameter(name + ".k_norm.weight", ones, Dim.Of(size)));
            y = f.Node("qk_norm", name + ".qk_norm", packed, heads.With("epsilon", Epsilon), [y, q, k], "rstd");
        }
        if (layer.Position == PositionKind.Rope)
        {
            var frequencies = RotaryFrequencies.Of(layer.RopeTheta, layer.RopeScaling, model.Sequence.Value);
            y = f.Node("rope", name + ".rope", packed, heads.With(frequencies).With("inverse", false), [y]);
        }

        var attributes = Mask(layer, model).AddTo(heads);
        if (model.IsPadded) attributes = attributes.With(Attention.ByLength, true);
        y = f.Node("attention", name + ".mix", queryWidth, attributes, [y], "lse");
        return f.Linear(name + ".proj", y, width, layer.Bias, model.ResidualDeviation);
    }

    /// <summary>A window that no sequence exceeds is none.</summary>
    private static AttentionMask Mask(AttentionLayer layer, ModelContext model) =>
        new(layer.Causal, layer.Window is { } window && window < model.Sequence.Value ? window : 0, layer.Softcap ?? 0);
}
