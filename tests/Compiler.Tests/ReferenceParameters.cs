using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Ops;

namespace ModelCompiler.Compiler.Tests;

/// <summary>Random parameters and batches for the reference interpreter.</summary>
public static class ReferenceParameters
{
    public static Dictionary<string, ReferenceTensor> Draw(Compiler.Graphs.Graph graph, int seed)
    {
        var random = new Random(seed);
        var parameters = new Dictionary<string, ReferenceTensor>();
        foreach (var slot in ParameterLayout.Of(graph).Slots)
            for (var set = 0; set < slot.Sets; set++)
            {
                var prefix = slot.Block.Length == 0 ? "" : $"{slot.Block}.{set}.";
                var data = Enumerable.Range(0, (int)slot.Parameter.Type.Elements).Select(_ => (random.NextDouble() - 0.5) * 0.8).ToArray();
                if (slot.Parameter.Name.Contains("norm")) data = data.Select(v => v + 1).ToArray();
                parameters[prefix + slot.Parameter.Name] = new(data, slot.Parameter.Type.Shape.Select(d => d.Value).ToArray());
            }
        return parameters;
    }

    public static Dictionary<string, ReferenceTensor> Batch(Compiler.Graphs.Graph graph, int seed)
    {
        var random = new Random(seed);
        var dims = graph.Dims.ToDictionary(d => d.Symbol, d => d.Value);
        ReferenceTensor Ids() => new(
            Enumerable.Range(0, (int)(dims["B"] * dims["T"])).Select(_ => (double)random.Next((int)dims["V"])).ToArray(), [dims["B"], dims["T"]]);
        return new() { [GraphBuilder.Tokens] = Ids(), [GraphBuilder.Targets] = Ids() };
    }
}
