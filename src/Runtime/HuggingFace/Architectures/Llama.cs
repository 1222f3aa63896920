using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace.Architectures;

/// <summary>
/// Llama (Touvron et al. 2023): rotary positions, RMS norms, a gated feed-forward layer, grouped queries. Mistral, Qwen2 and Qwen3
/// have the same tensors and differ in their configurations.
/// </summary>
internal class Llama : PretrainedArchitecture
{
    public override string ModelType => "llama";

    public override string ClassName => "LlamaForCausalLM";

    public override string Prefix => "model.";

    public override IReadOnlyList<TensorRule> Tensors { get; } =
    [
        new("model.embed_tokens.weight", "embedding.weight"),
        new("model.layers.{i}.input_layernorm.weight", "blocks.{i}.norm1.weight"),
        .. new[] { "q", "k", "v" }.SelectMany(part => new TensorRule[]
        {
            new($"model.layers.{{i}}.self_attn.{part}_proj.weight", $"blocks.{{i}}.attention.{part}.weight"),
            new($"model.layers.{{i}}.self_attn.{part}_proj.bias", $"blocks.{{i}}.attention.{part}.bias"),
        }),
        new("model.layers.{i}.self_attn.q_norm.weight", "blocks.{i}.attention.q_norm.weight"),
        new("model.layers.{i}.self_attn.k_norm.weight", "blocks.{i}.attention.k_norm.weight"),
        new("model.layers.{i}.self_attn.o_proj.weight", "blocks.{i}.attention.proj.weight"),
        new("model.layers.{i}.self_attn.o_proj.bias", "blocks.{i}.attention.proj.bias"),
        new("model.layers.{i}.post_attention_layernorm.weight", "blocks.{i}.norm2.weight"),
        .. new[] { "gate", "up", "down" }.SelectMany(part => new TensorRule[]
        {
            new($"model.layers.{{i}}.mlp.{part}_proj.weight", $"blocks.{{i}}.mlp.{part}.weight"),
            new($"model.layers.{{i}}.mlp.{part}_proj.bias", $"blocks.{{i}}.mlp.{part}.bias"),
        }),
        new("model.norm.weight", "norm.weight"),
        new("lm_head.weight", "head.weight") { TiedTo = "model.embed_tokens.weight" },
    ];

    public override IReadOnlyList<string> Unused { get; } = ["model.layers.{i}.self_attn.rotary_emb.inv_freq"];

    public override ArchitectureSpec Read(StrictObject config) => Common(config) with
    {
        Bias = config.Flag("mlp_bias", false),
        AttentionBias = config.Flag("attention_bias", false) is var bias && bias != config.Flag("mlp_bias", false) ? bias : null,
    };

    public override JsonObject Write(ArchitectureSpec a)
    {
        var config = WriteCommon(a);
        config["attention_bias"] = a.AttentionBias ?? a.Bias ?? true;
        config["mlp_bias"] = a.Bias ?? true;
        return config;
    }

    /// <summary>What the configurations of all these have in common; without biases.</summary>
    protected static ArchitectureSpec Common(StrictObject config)
    {
        config.Ignore("attention_dropout");
        config.Choice("hidden_act", "silu", ("silu", 0), ("swish", 0));
        var (width, heads) = (config.Int("hidden_size"), config.Int("num_attention_heads"));
        var (kvHeads, size) = (config.OptionalInt("num_key_value_heads"), config.OptionalInt("head_dim"));
        return RotaryPositions.Read(config, new ArchitectureSpec
        {
            Family = Family.Decoder,
            Vocabulary = config.Int("vocab_size"),
            Context = config.Int("max_position_embeddings"),
            Width = width,
            Layers = config.Int("num_hidden_layers"),
            Heads = heads,
            KvHeads = kvHeads == heads ? null : kvHeads,
            HeadSize = size is { } given && (long)given * heads != width ? size : null,
            Norm = NormKind.Rms,
            NormEpsilon = config.OptionalNumber("rms_norm_eps") ?? 1e-6,
            Mlp = new FamilyMlpSpec { Kind = MlpKind.Swiglu, Hidden = config.Int("intermediate_size") },
            Bias = false,
            TieEmbeddings = config.Flag("tie_word_embeddings", false),
        });
    }

    protected static JsonObject WriteCommon(ArchitectureSpec a) => new(RotaryPositions.Write(a))
    {
        ["vocab_size"] = a.Vocabulary,
        ["max_position_embeddings"] = a.Context,
        ["hidden_size"] = a.Width,
        ["intermediate_size"] = a.Mlp?.Hidden,
        ["num_hidden_layers"] = a.Layers,
        ["num_attention_heads"] = a.Heads,
        ["num_key_value_heads"] = a.KvHeads ?? a.Heads,
        ["head_dim"] = a.HeadSize ?? (a.Heads is { } heads ? a.Width / heads : null),
        ["hidden_act"] = "silu",
        ["rms_norm_eps"] = a.NormEpsilon ?? 1e-5,
        ["tie_word_embeddings"] = a.TieEmbeddings ?? false,
    };
}
