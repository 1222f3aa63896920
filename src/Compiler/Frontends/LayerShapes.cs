using ModelCompiler.Compiler.Frontends.Shapes;
using ModelCompiler.Compiler.Graphs;
using ModelCompiler.Compiler.Passes;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>
/// What each layer makes of shapes, and its parameters, for docs/language.md: an example of the layer is read and built by its rule in a
/// model of width C = 48, and the types that InferShapes finds are written down.
/// </summary>
internal static class LayerShapes
{
    /// <summary>Examples of layers that need a key, or say more with one.</summary>
    private static readonly Dictionary<string, string> s_examples = new()
    {
        ["embedding"] = "embedding: learned",
        ["repeat"] = "repeat: { times: 2, layers: [norm] }",
        ["residual"] = "residual: [norm]",
        ["add"] = "add: { left: [norm], right: [linear: 48] }",
        ["multiply"] = "multiply: { left: [linear: 96], right: [linear: 96] }",
        ["attention"] = "attention: { heads: 6, kv-heads: 2 }",
        ["latent-attention"] = "latent-attention: { heads: 6, kv-rank: 16, rope-width: 4 }",
        ["relative-attention"] = "relative-attention: 6",
        ["experts"] = "experts: { count: 4 }",
        ["classifier"] = "classifier: 4",
        ["linear"] = "linear: 96",
        ["convolution"] = "convolution: 4",
        ["dropout"] = "dropout: 0.1",
    };

    public static string Describe(RecordShape layer)
    {
        var name = layer.Layer!.Name;
        if (name == "numbers") return "`numbers: 2`: [B, T, 2], as they are";
        var example = s_examples.TryGetValue(name, out var text) ? text : name;
        var main = InferShapes.Infer(GraphBuilder.Build(Model(name, example))).Main;
        // A repeated block has the name of its function.
        var value = name == "repeat" ? "blocks" : name;
        var output = main.Nodes.SelectMany(n => n.Outputs.Take(1)).Last(o => IsOf(value, o.Name));
        var input = name == "embedding" ? main.Inputs[0].Type! : TensorType.Of(DType.F32, new Dim("B", 1), new Dim("T", 1), new Dim("C", 1));
        var parameters = main.Parameters.Where(p => IsOf(value, p.Name)).Select(p => $"`{p.Name.Substring(value.Length + 1)}` {Shape(p.Type)}").ToList();
        return $"`{example}`: {Shape(input)} → {Shape(output.Type!)}"
            + (parameters.Count > 0 ? $", with {string.Join(", ", parameters)}" : "");
    }

    private static bool IsOf(string layer, string name) => name == layer || name.StartsWith(layer + ".", StringComparison.Ordinal);

    private static string Shape(TensorType type) => "[" + string.Join(", ", type.Shape) + "]";

    private static ModelSpec Model(string name, string example)
    {
        var layers = new[] { name == "embedding" ? "" : "embedding", example, name == "head" ? "" : "head" };
        var yaml = "model: Example\narchitecture:\n  vocabulary: 256\n  context: 16\n  width: 48\n  blocks:\n"
            + string.Concat(layers.Where(layer => layer.Length > 0).Select(layer => $"    - {layer}\n"));
        return YamlFrontend.Read(yaml, "example.model.yaml").Spec ?? throw new InvalidOperationException($"the example of '{name}' in LayerShapes is no model: {example}");
    }
}
