using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.HuggingFace;

/// <summary>
/// The parameters of a declared architecture by the names and shapes that the compiler gives them: with these an import compares
/// weights when there is no compiled model yet.
/// </summary>
internal sealed class DeclaredParameters
{
    private readonly ArchitectureSpec _architecture;
    private readonly List<ParameterInfo> _parameters = [];
    private long _width;

    private DeclaredParameters(ArchitectureSpec architecture) => _architecture = architecture;

    /// <summary>All of them, in the order of layers; where they will lie is not known.</summary>
    /// <param name="architecture">As a configuration gives it: of a family, with layers, heads and the width of the feed-forward layer.</param>
    public static IReadOnlyList<ParameterInfo> Of(ArchitectureSpec architecture)
    {
        var walk = new DeclaredParameters(architecture);
        walk.Scope("", FamilyLayers.Of(new ModelSpec { Architecture = architecture }));
        return walk._parameters;
    }

    /// <summary>The layers of the model or of a repeated block, whose norms without a name are numbered where there are several.</summary>
    private void Scope(string scope, IEnumerable<LayerSpec> layers)
    {
        var all = layers.SelectMany(IEnumerable<LayerSpec> (layer) => layer is ResidualLayer residual ? residual.Layers : [layer]).ToArray();
        var (norms, norm) = (all.Count(layer => layer is NormLayer { Name: null }), 0);
        foreach (var layer in all)
            Layer(scope, layer, layer is NormLayer { Name: null } && norms > 1 ? $"norm{++norm}" : "norm");
    }

    private void Layer(string scope, LayerSpec layer, string norm)
    {
        switch (layer)
        {
            case EmbeddingLayer embedding:
                _width = embedding.Width ?? _architecture.Width;
                Add("embedding.weight", _architecture.Vocabulary, _width);
                if (embedding.Position == PositionKind.Learned)
                    Add("embedding.position.weight", _architecture.Context, _width);
                if (embedding.TokenTypes is { } types)
                    Add("embedding.types.weight", types, _width);
                break;
            case NormLayer { Kind: var kind, Bias: var bias }:
                Add($"{scope}{layer.Name ?? norm}.weight", _width);
                if (kind == NormKind.Layer && (bias ?? true))
                    Add($"{scope}{layer.Name ?? norm}.bias", _width);
                break;
            case RepeatLayer repeat:
                for (var i = 0; i < Math.Min(repeat.Times, repeat.Share?.Groups ?? repeat.Times); i++)
                    Scope($"blocks.{i}.", repeat.Layers);
                break;
            case AttentionLayer attention:
                Attention(scope + "attention.", attention);
                break;
            case RelativeAttentionLayer:
                foreach (var part in (string[])["q", "k", "v", "r", "proj"])
                    Linear($"{scope}attention.{part}", _width, _width, bias: false);
                Add(scope + "attention.content_bias", _width);
                Add(scope + "attention.position_bias", _width);
                break;
            case MlpLayer mlp:
                foreach (var part in mlp.Kind == MlpKind.Swiglu ? (string[])["gate", "up"] : ["up"])
                    Linear($"{scope}mlp.{part}", mlp.Hidden!.Value, _width, mlp.Bias);
                Linear(scope + "mlp.down", _width, mlp.Hidden!.Value, mlp.Bias);
                break;
            case LinearLayer linear:
                Linear(linear.Name!, linear.Out, _width, linear.Bias);
                _width = linear.Out;
                break;
            case HeadLayer head:
                if (!head.TieEmbeddings)
                    Add("head.weight", _architecture.Vocabulary, _width);
                if (head.Bias)
                    Add("head.bias", _architecture.Vocabulary);
                break;
        }
    }

    private void Attention(string scope, AttentionLayer layer)
    {
        var size = layer.HeadSize ?? (_width / layer.Heads);
        foreach (var (part, heads) in new[] { ("q", layer.Heads), ("k", layer.KvHeads ?? layer.Heads), ("v", layer.KvHeads ?? layer.Heads) })
            Linear(scope + part, heads * size, _width, layer.QkvBias ?? layer.Bias);
        if (layer.QkNorm)
        {
            Add(scope + "q_norm.weight", size);
            Add(scope + "k_norm.weight", size);
        }

        Linear(scope + "proj", _width, layer.Heads * size, layer.Bias);
    }

    private void Linear(string name, long outputs, long inputs, bool bias)
    {
        Add(name + ".weight", outputs, inputs);
        if (bias)
            Add(name + ".bias", outputs);
    }

    private void Add(string name, params long[] shape) => _parameters.Add(new ParameterInfo(name, shape, Offset: 0, Decay: shape.Length > 1, ParameterInit.Zeros));
}
