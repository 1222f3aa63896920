using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>The numbers are an input of the program as they are.</summary>
public sealed class NumbersRule : LayerRule<NumbersLayer>
{
    protected override string Build(LayerScope scope, NumbersLayer layer, string name, string x) => x;
}
