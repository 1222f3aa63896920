using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace.Architectures;

/// <summary>
/// Transformer-XL (Dai et al. 2019) with one softmax over the vocabulary. Its adaptive embeddings and softmax (Baevski and Auli 2019,
/// Grave et al. 2017) cannot be declared.
/// </summary>
internal sealed class TransfoXl : PretrainedArchitecture
{
    private const string Layer = "transformer.layers.{i}.";

    public override string ModelType => "transfo-xl";

    public override string ClassName => "TransfoXLLMHeadModel";

    public override string Prefix => "transformer.";

    public override IReadOnlyList<TensorRule> Tensors { get; } =
    [
        new("transformer.word_emb.emb_layers.0.weight", "embedding.weight"),
        new(Layer + "dec_attn.r_w_bias", "blocks.{i}.attention.content_bias") { ByHead = true },
        new(Layer + "dec_attn.r_r_bias", "blocks.{i}.attention.position_bias") { ByHead = true },
        new(Layer + "dec_attn.qkv_net.weight", "blocks.{i}.attention.q.weight", "blocks.{i}.attention.k.weight", "blocks.{i}.attention.v.weight"),
        new(Layer + "dec_attn.r_net.weight", "blocks.{i}.attention.r.weight"),
        new(Layer + "dec_attn.o_net.weight", "blocks.{i}.attention.proj.weight"),
        .. Encoders.Both(Layer + "dec_attn.layer_norm", "blocks.{i}.norm1"),
        .. Encoders.Both(Layer + "pos_ff.CoreNet.0", "blocks.{i}.mlp.up"),
        .. Encoders.Both(Layer + "pos_ff.CoreNet.3", "blocks.{i}.mlp.down"),
        .. Encoders.Both(Layer + "pos_ff.layer_norm", "blocks.{i}.norm2"),
        new("crit.out_layers.0.weight", "head.weight") { TiedTo = "transformer.word_emb.emb_layers.0.weight" },
        new("crit.out_layers.0.bias", "head.bias"),
    ];

    public override IReadOnlyList<string> Unused { get; } = ["transformer.pos_emb.inv_freq"];

    public override ArchitectureSpec Read(StrictObject config)
    {
        config.Ignore("adaptive", "dropout", "dropatt", "init", "init_range", "init_std", "proj_init_std", "proj_share_all_but_first", "tie_projs");
        var (width, heads, memory) = (config.Int("d_model"), config.Int("n_head"), config.OptionalInt("mem_len") ?? 1600);
        void Only(string key, int otherwise, int value, string reason)
        {
            if ((config.OptionalInt(key) ?? otherwise) != value)
                throw config.Refused(key, reason);
        }

        Only("div_val", 4, 1, "only 1 can be declared: all tokens have vectors of the same width");
        if (!config.Has("cutoffs") || config.Ints("cutoffs").Count > 0)
            throw config.Refused("cutoffs", "only [] can be declared: one softmax over the vocabulary, no adaptive one");
        Only("d_embed", 1024, width, $"only {width}, 'd_model', can be declared");
        Only("d_head", 64, width / Math.Max(1, heads), "only 'd_model' / 'n_head' can be declared");
        Only("attn_type", 0, 0, "only 0 can be declared");
        config.Expect("pre_lnorm", false, otherwise: false);
        config.Expect("untie_r", true, otherwise: true);
        config.ExpectNone("ext_len");
        if (config.OptionalInt("sample_softmax") > 0)
            throw config.Refused("sample_softmax", "a sampled softmax cannot be declared");
        var same = config.Flag("same_length", true);
        if (same && memory == 0)
            throw config.Refused("same_length", "without 'mem_len' no position would attend to any");
        var clamp = config.OptionalInt("clamp_len") ?? 1000;
        return new ArchitectureSpec
        {
            Family = Family.TransformerXl,
            Vocabulary = config.Int("vocab_size"),
            Context = config.OptionalInt("tgt_len") ?? DefaultSegment,
            Memory = memory,
            ClampLength = clamp > 0 ? clamp : null,
            SameLength = same ? true : null,
            Width = width,
            Layers = config.Int("n_layer"),
            Heads = heads,
            NormEpsilon = config.OptionalNumber("layer_norm_epsilon") ?? 1e-5,
            Mlp = new FamilyMlpSpec { Kind = MlpKind.Relu, Hidden = config.Int("d_inner") },
            TieEmbeddings = config.Flag("tie_word_embeddings", config.Flag("tie_weight", true)),
            ScaleEmbeddings = true,
            HeadBias = true,
        };
    }

    public override JsonObject Write(ArchitectureSpec a) => new()
    {
        ["vocab_size"] = a.Vocabulary,
        ["cutoffs"] = new JsonArray(),
        ["div_val"] = 1,
        ["d_model"] = a.Width,
        ["d_embed"] = a.Width,
        ["n_head"] = a.Heads,
        ["d_head"] = a.Heads is { } heads ? a.Width / heads : null,
        ["d_inner"] = a.Mlp?.Hidden,
        ["n_layer"] = a.Layers,
        ["tgt_len"] = a.Context,
        ["mem_len"] = a.EvaluationMemory ?? a.Memory ?? a.Context,
        ["clamp_len"] = a.ClampLength ?? -1,
        ["same_length"] = a.SameLength ?? false,
        ["attn_type"] = 0,
        ["pre_lnorm"] = false,
        ["untie_r"] = true,
        ["adaptive"] = false,
        ["sample_softmax"] = -1,
        ["layer_norm_epsilon"] = a.NormEpsilon ?? 1e-5,
        ["dropout"] = a.Dropout ?? 0,
        ["dropatt"] = 0,
        ["tie_word_embeddings"] = a.TieEmbeddings ?? false,
    };

    /// <summary>Tokens of a segment where a configuration says none, as later versions of transformers: any number computes the same model.</summary>
    private const int DefaultSegment = 128;
}
