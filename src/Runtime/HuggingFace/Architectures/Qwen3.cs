using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace.Architectures;

/// <summary>Qwen3 (Yang et al. 2025): Llama with RMS norms of queries and keys and a head size of its own.</summary>
internal sealed class Qwen3 : Qwen2
{
    public override string ModelType => "qwen3";

    public override string ClassName => "Qwen3ForCausalLM";

    public override ArchitectureSpec Read(StrictObject config)
    {
        FullAttention(config);
        config.Expect("attention_bias", false, otherwise: false);
        var architecture = Common(config) with { QkNorm = true };
        return architecture.NormEpsilon == QkNormEpsilon
            ? architecture
            : throw config.Refused("rms_norm_eps", "queries and keys are normalized with 1e-6");
    }

    /// <summary>What the language's <c>qk-norm</c> adds to the mean square.</summary>
    private const double QkNormEpsilon = 1e-6;
}
