using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace.Architectures;

/// <summary>Mistral (Jiang et al. 2023): Llama with grouped queries and, in its first version, a sliding window.</summary>
internal sealed class Mistral : Llama
{
    public override string ModelType => "mistral";

    public override string ClassName => "MistralForCausalLM";

    public override ArchitectureSpec Read(StrictObject config) => Common(config) with
    {
        Window = config.OptionalInt("sliding_window") ?? (config.IsNull("sliding_window") ? null : DefaultWindow),
    };

    public override JsonObject Write(ArchitectureSpec a)
    {
        var config = WriteCommon(a);
        config["sliding_window"] = a.Window;
        return config;
    }

    /// <summary>What transformers takes where the key is missing.</summary>
    private const int DefaultWindow = 4096;
}
