using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

internal static class LayerLists
{
    /// <summary>The lists of layers within a layer, with their spec paths.</summary>
    public static IEnumerable<(EquatableArray<LayerSpec> Layers, string Path)> Of(LayerSpec layer, string path) => layer switch
    {
        RepeatLayer repeat => [(repeat.Layers, SpecPath.Key(path, "layers"))],
        ResidualLayer residual => [(residual.Layers, SpecPath.Key(path, "layers"))],
        TwoBranchLayer branches => [(branches.Left, SpecPath.Key(path, "left")), (branches.Right, SpecPath.Key(path, "right"))],
        _ => [],
    };
    /// <summary>All layers, each before those within it.</summary>
    public static IEnumerable<(LayerSpec Layer, string Path)> All(EquatableArray<LayerSpec> layers, string path)
    {
        for (var i = 0; i < layers.Count; i++)
        {
            var at = SpecPath.Item(path, i);
            yield return (layers[i], at);
            foreach (var body in Of(layers[i], at))
            foreach (var inner in All(body.Layers, body.Path))
                yield return inner;
        }
    }
}
