using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>How a layer of the language becomes nodes. A new layer is one file here and one line in <see cref="LayerTable"/>.</summary>
public abstract class LayerRule
{
    public abstract Type Layer { get; }

    /// <summary>Adds the layer's nodes over x and returns their result.</summary>
    public abstract string Build(LayerScope scope, LayerSpec layer, string name, string x);
}

public abstract class LayerRule<TLayer> : LayerRule
    where TLayer : LayerSpec
{
    public override Type Layer => typeof(TLayer);

    public override string Build(LayerScope scope, LayerSpec layer, string name, string x) => Build(scope, (TLayer)layer, name, x);

    protected abstract string Build(LayerScope scope, TLayer layer, string name, string x);
}

public static class LayerTable
{
    public static readonly IReadOnlyList<LayerRule> All =
    [
        new EmbeddingRule(),
        new NumbersRule(),
        new RepeatRule(),
        new ResidualRule(),
        new NormRule(),
        new AttentionRule(),
        new RelativeAttentionRule(),
        new LatentAttentionRule(),
        new MlpRule(),
        new ExpertsRule(),
        new LinearRule(),
        new ConvolutionRule(),
        new ActivationRule(),
        new MultiplyRule(),
        new AddRule(),
        new DropoutRule(),
        new ClassifierRule(),
        new HeadRule(),
    ];

    private static readonly Dictionary<Type, LayerRule> ByType = All.ToDictionary(rule => rule.Layer);

    public static LayerRule Find(LayerSpec layer) => ByType[layer.GetType()];
}
