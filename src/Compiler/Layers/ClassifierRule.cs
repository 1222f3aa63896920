using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>BERT's pooler and classifier, beside what flows on: pooling; linear layer, tanh; linear layer.</summary>
public sealed class ClassifierRule : LayerRule<ClassifierLayer>
{
    protected override string Build(LayerScope scope, ClassifierLayer layer, string name, string x)
    {
        var (f, model) = (scope.Function, scope.Function.Model);
        var width = f.Width(x);
        model.Hidden ??= x;
        string[] inputs = model.IsPadded ? [x, GraphBuilder.Lengths] : [x];
        var y = f.Node("pool", name + ".pooled", width, Attributes.Of(("mean", layer.Pooling == PoolingKind.Mean)), inputs);
        y = f.Linear(name + ".pooler", y, width, bias: true, ModelContext.Deviation);
        y = f.Node("tanh", name + ".activation", width, Attributes.None, [y]);
        if (layer.Dropout > 0)
            y = f.Node("dropout", name + ".dropout", width, Attributes.Of(("rate", layer.Dropout), ("site", model.NextDropoutSite())), [y], "mask");
        model.Classes = f.Linear(name, y, Dim.Of(layer.Classes), bias: true, ModelContext.Deviation);
        return x;
    }
}
