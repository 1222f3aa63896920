using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

public sealed class LinearRule : LayerRule<LinearLayer>
{
    protected override string Build(LayerScope scope, LinearLayer layer, string name, string x) =>
        scope.Function.Linear(name, x, scope.Function.Model.Dim(layer.Out), layer.Bias, ModelContext.Deviation);
}
