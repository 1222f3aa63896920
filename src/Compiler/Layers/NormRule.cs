using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

public sealed class NormRule : LayerRule<NormLayer>
{
    protected override string Build(LayerScope scope, NormLayer layer, string name, string x)
    {
        var f = scope.Function;
        // A norm behind the last block belongs to the vectors that the model gives.
        if (f.Name == "main" && f.Model.Hidden == x) f.Model.Hidden = name;
        var width = f.Width(x);
        var attributes = Attributes.Of(("epsilon", layer.Epsilon));
        var weight = f.Parameter(name + ".weight", new Init(InitKind.Ones), width);
        if (layer.Kind == NormKind.Rms) return f.Node("rms_norm", name, width, attributes, [x, weight], "rstd");
        var bias = layer.Bias ?? true ? f.Parameter(name + ".bias", new Init(InitKind.Zeros), width) : "";
        return f.Node("layer_norm", name, width, attributes, [x, weight, bias], "mean", "rstd");
    }
}
