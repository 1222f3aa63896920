using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Report;

/// <summary>What a layer costs, or all layers of that name in a repeated block together.</summary>
/// <param name="Name">As in parameter names: <c>embedding</c>, <c>blocks.*.attention</c>.</param>
/// <param name="Times">How often it is there.</param>
/// <param name="Parameters">Shared ones count where they were declared first.</param>
/// <param name="ForwardFlops">For each token.</param>
/// <param name="KvCache">Bytes of its keys and values for each token.</param>
public sealed record LayerCost(string Name, int Times, long Parameters, long ForwardFlops, long KvCache)
{
    /// <summary>The layers of a model in the order of its forward pass, those that cost nothing left out.</summary>
    /// <param name="inference">Its program.</param>
    /// <param name="slots">Its parameters.</param>
    /// <param name="tokens">Of the batch that the program's shapes are of.</param>
    /// <param name="cacheBytes">Of an element of keys and values; null for the bytes of its type.</param>
    internal static EquatableArray<LayerCost> Of(Graph inference, IEnumerable<ParameterSlot> slots, long tokens, int? cacheBytes = null)
    {
        var generates = inference.Encoding is null;
        var parameters = slots.GroupBy(slot => (slot.Block, Layer(slot.Parameter.Name)))
            .ToDictionary(g => g.Key, g => g.Sum(slot => slot.Parameter.Type.Elements * slot.Sets));
        IEnumerable<LayerCost> Layers(Function function, IEnumerable<Node> nodes, string block, int times)
        {
            var types = function.Types();
            foreach (var layer in nodes.GroupBy(n => Layer(n.Outputs[0].Name)))
                yield return new LayerCost(
                    block.Length == 0 ? layer.Key : $"{BlockNames.Layers(block)}.{layer.Key}", times,
                    parameters.TryGetValue((block, layer.Key), out var count) ? count : 0,
                    layer.Sum(n => Costs.Flops(n, types)) * times / tokens,
                    generates ? layer.Sum(n => KeyValueCache.Bytes(n, types, cacheBytes)) * times : 0);
        }

        IEnumerable<LayerCost> Repeated(Node repeat)
        {
            var block = inference.Block(repeat.Attributes.String("block"));
            return Layers(block, block.Nodes, block.Name, repeat.Attributes.Int("times"));
        }

        return inference.Main.Nodes
            .GroupBy(n => OpTable.IsRepeat(n) ? n.Outputs[0].Name + ".*" : Layer(n.Outputs[0].Name))
            .SelectMany(layer => OpTable.IsRepeat(layer.First()) ? Repeated(layer.First()) : Layers(inference.Main, layer, "", 1))
            .Where(layer => layer.Parameters + layer.ForwardFlops > 0)
            .ToEquatableArray();
    }

    private static string Layer(string name) => name.Split('.')[0];
}
