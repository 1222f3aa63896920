using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace.Architectures;

/// <summary>The activations of plain feed-forward layers by their names in transformers.</summary>
internal static class Activations
{
    private static readonly (string Name, MlpKind Kind)[] s_names =
    [
        ("gelu", MlpKind.Gelu), ("gelu_new", MlpKind.GeluTanh), ("gelu_pytorch_tanh", MlpKind.GeluTanh), ("silu", MlpKind.Silu), ("swish", MlpKind.Silu),
        ("relu2", MlpKind.ReluSquared), ("relu", MlpKind.Relu),
    ];

    public static MlpKind Read(StrictObject config, string key, string otherwise) => config.Choice(key, otherwise, s_names);

    /// <summary>Null for a gated layer.</summary>
    public static string? Write(MlpKind kind) => s_names.Where(name => name.Kind == kind).Select(name => name.Name).FirstOrDefault();
}
