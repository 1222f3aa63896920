using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace.Architectures;

/// <summary>GPT-2 (Radford et al. 2019): learned positions, layer norms, biases, linear layers stored [in, out] and packed.</summary>
internal sealed class Gpt2 : PretrainedArchitecture
{
    public override string ModelType => "gpt2";

    public override string ClassName => "GPT2LMHeadModel";

    public override string Prefix => "transformer.";

    public override IReadOnlyList<TensorRule> Tensors { get; } =
    [
        new("transformer.wte.weight", "embedding.weight"),
        new("transformer.wpe.weight", "embedding.position.weight"),
        new("transformer.h.{i}.ln_1.weight", "blocks.{i}.norm1.weight"),
        new("transformer.h.{i}.ln_1.bias", "blocks.{i}.norm1.bias"),
        new("transformer.h.{i}.attn.c_attn.weight", "blocks.{i}.attention.q.weight", "blocks.{i}.attention.k.weight", "blocks.{i}.attention.v.weight") { Transposed = true },
        new("transformer.h.{i}.attn.c_attn.bias", "blocks.{i}.attention.q.bias", "blocks.{i}.attention.k.bias", "blocks.{i}.attention.v.bias"),
        new("transformer.h.{i}.attn.c_proj.weight", "blocks.{i}.attention.proj.weight") { Transposed = true },
        new("transformer.h.{i}.attn.c_proj.bias", "blocks.{i}.attention.proj.bias"),
        new("transformer.h.{i}.ln_2.weight", "blocks.{i}.norm2.weight"),
        new("transformer.h.{i}.ln_2.bias", "blocks.{i}.norm2.bias"),
        new("transformer.h.{i}.mlp.c_fc.weight", "blocks.{i}.mlp.up.weight") { Transposed = true },
        new("transformer.h.{i}.mlp.c_fc.bias", "blocks.{i}.mlp.up.bias"),
        new("transformer.h.{i}.mlp.c_proj.weight", "blocks.{i}.mlp.down.weight") { Transposed = true },
        new("transformer.h.{i}.mlp.c_proj.bias", "blocks.{i}.mlp.down.bias"),
        new("transformer.ln_f.weight", "norm.weight"),
        new("transformer.ln_f.bias", "norm.bias"),
        new("lm_head.weight", "head.weight") { TiedTo = "transformer.wte.weight" },
    ];

    public override IReadOnlyList<string> Unused { get; } = ["transformer.h.{i}.attn.bias", "transformer.h.{i}.attn.masked_bias"];

    public override ArchitectureSpec Read(StrictObject config)
    {
        config.Ignore(
            "n_ctx", "resid_pdrop", "embd_pdrop", "attn_pdrop", "reorder_and_upcast_attn",
            "summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout");
        config.Expect("scale_attn_weights", true, otherwise: true);
        config.Expect("scale_attn_by_inverse_layer_idx", false, otherwise: false);
        config.Expect("add_cross_attention", false, otherwise: false);
        var width = config.Int("n_embd");
        return new ArchitectureSpec
        {
            Family = Family.Decoder,
            Vocabulary = config.Int("vocab_size"),
            Context = config.Int("n_positions"),
            Width = width,
            Layers = config.Int("n_layer"),
            Heads = config.Int("n_head"),
            NormEpsilon = config.OptionalNumber("layer_norm_epsilon") ?? 1e-5,
            Mlp = new FamilyMlpSpec { Kind = Activations.Read(config, "activation_function", "gelu_new"), Hidden = config.OptionalInt("n_inner") ?? 4 * width },
            TieEmbeddings = config.Flag("tie_word_embeddings", true),
        };
    }

    public override JsonObject Write(ArchitectureSpec a) => new()
    {
        ["vocab_size"] = a.Vocabulary,
        ["n_positions"] = a.Context,
        ["n_embd"] = a.Width,
        ["n_layer"] = a.Layers,
        ["n_head"] = a.Heads,
        ["n_inner"] = a.Mlp?.Hidden ?? 4 * a.Width,
        ["activation_function"] = Activations.Write(a.Mlp?.Kind ?? MlpKind.Gelu),
        ["layer_norm_epsilon"] = a.NormEpsilon ?? 1e-5,
        ["resid_pdrop"] = a.Dropout ?? 0,
        ["embd_pdrop"] = a.Dropout ?? 0,
        ["attn_pdrop"] = 0,
        ["tie_word_embeddings"] = a.TieEmbeddings ?? false,
    };
}
