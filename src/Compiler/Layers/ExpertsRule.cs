using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Layers;

/// <summary>
/// The router; its choice of experts; the positions sorted by expert, so that each expert's products read contiguous rows; the experts;
/// and the sum of what they give, each times its gate.
/// </summary>
public sealed class ExpertsRule : LayerRule<ExpertsLayer>
{
    protected override string Build(LayerScope scope, ExpertsLayer layer, string name, string x)
    {
        var (f, model, width) = (scope.Function, scope.Function.Model, scope.Function.Width(x));
        var hidden = model.Dim(layer.Hidden ?? MlpRule.DefaultHidden(layer.Kind, width.Value));
        var experts = Attributes.Of(("experts", layer.Count));
        var router = f.Parameter(name + ".router.weight", new Init(InitKind.Normal, ModelContext.Deviation), Dim.Of(layer.Count), width);
        var logits = f.Node("router", name + ".router", Dim.Of(layer.Count), Attributes.None, [x, router]);
        var gates = f.Node(
            "route", name + ".gates", Dim.Of(layer.TopK), Route(layer, model), [logits], "probabilities", "slots", "sources", "offsets");
        var (slots, sources, offsets) = (gates + ".slots", gates + ".sources", gates + ".offsets");
        var rows = f.Node("dispatch", name + ".rows", width, Attributes.None, [x, sources, slots]);

        string Project(string part, string from, IReadOnlyList<string> parts, Dim to, double deviation)
        {
            var matrices = Enumerable.Range(0, layer.Count).SelectMany(e => parts.Select(p => ($"{name}.{e}.{p}.weight", to))).ToArray();
            var weight = f.Packed(
                $"{name}.{part}.weight", new Init(InitKind.Normal, deviation), f.Width(from), model.Dim(matrices.Length * to.Value), matrices);
            return f.Node("expert_linear", $"{name}.{part}", model.Dim(parts.Count * to.Value), experts, [from, weight, offsets]);
        }

        var gated = layer.Kind == MlpKind.Swiglu;
        var up = gated
            ? Project("gate_up", rows, ["gate", "up"], hidden, ModelContext.Deviation)
            : Project("up", rows, ["up"], hidden, ModelContext.Deviation);
        var activation = f.Node(gated ? "swiglu" : ActivationRule.Op(layer.Kind), name + ".activation", hidden, Attributes.None, [up]);
        var down = Project("down", activation, ["down"], width, model.ResidualDeviation);
        return f.Node("combine", name, width, Attributes.None, [down, gates, slots, sources]);
    }

    private static Attributes Route(ExpertsLayer layer, ModelContext model)
    {
        var attributes = Attributes.Of(("top_k", layer.TopK), ("balance", layer.Balance));
        if (layer.Capacity is { } capacity) attributes = attributes.With("capacity", capacity);
        return layer.Balance > 0 && model.ScalesLoss ? attributes.With("scaled", true) : attributes;
    }
}
