using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

public sealed class ActivationRule : LayerRule<ActivationLayer>
{
    protected override string Build(LayerScope scope, ActivationLayer layer, string name, string x)
    {
        var op = layer.Kind switch
        {
            ActivationKind.Gelu => Op(MlpKind.Gelu),
            ActivationKind.GeluTanh => Op(MlpKind.GeluTanh),
            ActivationKind.Silu => Op(MlpKind.Silu),
            ActivationKind.Relu => Op(MlpKind.Relu),
            ActivationKind.Tanh => "tanh",
            _ => Op(MlpKind.ReluSquared),
        };
        return scope.Function.Node(op, name, scope.Function.Width(x), Attributes.None, [x]);
    }

    internal static string Op(MlpKind kind) => kind switch
    {
        MlpKind.Gelu => "gelu",
        MlpKind.GeluTanh => "gelu_tanh",
        MlpKind.Silu => "silu",
        MlpKind.Relu => "relu",
        _ => "relu_squared",
    };
}
