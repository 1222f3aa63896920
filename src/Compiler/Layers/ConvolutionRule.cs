using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>A tap for each position of the kernel and each channel; the bias is an op of its own, which what follows may take in.</summary>
public sealed class ConvolutionRule : LayerRule<ConvolutionLayer>
{
    protected override string Build(LayerScope scope, ConvolutionLayer layer, string name, string x)
    {
        var (f, width) = (scope.Function, scope.Function.Width(x));
        // Each channel sums over the kernel: its variance stays.
        var weight = f.Parameter(name + ".weight", new Init(InitKind.Normal, 1 / Math.Sqrt(layer.Kernel)), Dim.Of(layer.Kernel), width);
        if (!layer.Bias) return f.Node("convolution", name, width, Attributes.None, [x, weight]);
        var y = f.Node("convolution", name + ".product", width, Attributes.None, [x, weight]);
        return f.Node("add_bias", name, width, Attributes.None, [y, f.Parameter(name + ".bias", new Init(InitKind.Zeros), width)]);
    }
}
