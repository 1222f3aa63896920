using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace.Architectures;

/// <summary>Qwen2 (Yang et al. 2024): Llama with biases on queries, keys and values alone.</summary>
internal class Qwen2 : Llama
{
    public override string ModelType => "qwen2";

    public override string ClassName => "Qwen2ForCausalLM";

    public override ArchitectureSpec Read(StrictObject config)
    {
        FullAttention(config);
        return Common(config) with { QkvBias = true };
    }

    public override JsonObject Write(ArchitectureSpec a) => WriteCommon(a);

    /// <summary>The window is off in every published model; the keys beside it say nothing then.</summary>
    protected static void FullAttention(StrictObject config)
    {
        config.Expect("use_sliding_window", false, otherwise: false);
        config.Ignore("sliding_window", "max_window_layers");
        if (config.Texts("layer_types").Any(type => type != "full_attention"))
            throw config.Refused("layer_types", "only full_attention can be declared");
    }
}
