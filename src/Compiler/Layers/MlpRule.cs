using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

public sealed class MlpRule : LayerRule<MlpLayer>
{
    protected override string Build(LayerScope scope, MlpLayer layer, string name, string x)
    {
        var (f, model, width) = (scope.Function, scope.Function.Model, scope.Function.Width(x));
        var hidden = model.Dim(layer.Hidden ?? DefaultHidden(layer.Kind, width.Value));
        string Project(string part, string from, Dim to, double deviation) =>
            f.Linear($"{name}.{part}", from, to, layer.Bias, deviation);

        string y;
        if (layer.Kind == MlpKind.Swiglu)
        {
            string[] parts = [Project("gate", x, hidden, ModelContext.Deviation), Project("up", x, hidden, ModelContext.Deviation)];
            y = f.Node("concat", name + ".gate_up", model.Dim(2 * hidden.Value), Concat.Starts([hidden.Value, hidden.Value]), parts);
            y = f.Node("swiglu", name + ".activation", hidden, Attributes.None, [y]);
        }
        else
        {
            y = Project("up", x, hidden, ModelContext.Deviation);
            y = f.Node(ActivationRule.Op(layer.Kind), name + ".activation", hidden, Attributes.None, [y]);
        }
        return Project("down", y, width, model.ResidualDeviation);
    }

    /// <summary>Four times the width, or for a gated layer as many parameters in a multiple of 32.</summary>
    internal static long DefaultHidden(MlpKind kind, long width) => kind == MlpKind.Swiglu ? ((width * 8 / 3) + 31) / 32 * 32 : 4 * width;
}
