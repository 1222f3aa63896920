using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>
/// A latent vector of each position, normalized; keys and values made of it, queries of the input or of a latent vector of their own;
/// rotated columns beside them, of keys one set for all heads; attention; output projection. No projection has a bias (DeepSeek-V2, 2024).
/// </summary>
public sealed class LatentAttentionRule : LayerRule<LatentAttentionLayer>
{
    /// <summary>Of the norms of latent vectors, as in DeepSeek-V2.</summary>
    private const double Epsilon = 1e-6;

    protected override string Build(LayerScope scope, LatentAttentionLayer layer, string name, string x)
    {
        var (f, model, width) = (scope.Function, scope.Function.Model, scope.Function.Width(x));
        var (heads, rope) = (layer.Heads, layer.RopeWidth);
        var size = layer.HeadSize ?? (int)(width.Value / heads);
        string Linear(string part, string of, long to) => f.Linear($"{name}.{part}", of, model.Dim(to), bias: false, ModelContext.Deviation);
        string Latent(string part, int rank) => f.Node(
            "rms_norm", $"{name}.{part}_norm", model.Dim(rank), Attributes.Of(("epsilon", Epsilon)),
            [Linear(part + "_down", x, rank), f.Parameter($"{name}.{part}_norm.weight", new Init(InitKind.Ones), model.Dim(rank))], "rstd");
        string Rotate(string part, string of, int times) => f.Node(
            "rope", $"{name}.{part}_rotated", model.Dim(times * rope),
            Attributes.Of(("heads", times), ("kv_heads", 0)).With(RotaryFrequencies.Of(layer.RopeTheta, layer.RopeScaling, model.Sequence.Value)).With("inverse", false),
            [Linear(part + "_rope", of, times * rope)]);

        var queries = layer.QRank is { } rank ? Latent("q", rank) : x;
        var latents = Latent("kv", layer.KvRank);
        var attributes = Attributes.Of(("heads", heads), ("size", size), ("rope", rope));
        var packed = f.Node(
            "latent_heads", name + ".qkv", model.Dim(3L * heads * (size + rope)), attributes,
            [Linear("q", queries, heads * size), Rotate("q", queries, heads), Linear("kv", latents, 2L * heads * size), Rotate("k", x, 1)]);

        var mix = f.Node(
            "attention", name + ".mix", model.Dim(heads * (size + rope)), Attributes.Of(("heads", heads), ("kv_heads", heads)), [packed], "lse");
        var y = f.Node(
            "head_columns", name + ".heads", model.Dim(heads * size), Attributes.Of(("heads", heads), ("from", size + rope), ("to", size)), [mix]);
        return f.Linear(name + ".proj", y, width, bias: false, model.ResidualDeviation);
    }
}
