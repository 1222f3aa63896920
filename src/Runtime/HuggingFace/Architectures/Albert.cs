using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace.Architectures;

/// <summary>ALBERT (Lan et al. 2020) with its masked-language-model head: a factorized embedding, layers that share their parameters in groups.</summary>
internal sealed class Albert : PretrainedArchitecture
{
    private const string Layer = "albert.encoder.albert_layer_groups.{i}.albert_layers.0.";

    public override string ModelType => "albert";

    public override string ClassName => "AlbertForMaskedLM";

    public override string Prefix => "albert.";

    public override IReadOnlyList<TensorRule> Tensors { get; } =
    [
        new("albert.embeddings.word_embeddings.weight", "embedding.weight"),
        new("albert.embeddings.position_embeddings.weight", "embedding.position.weight"),
        new("albert.embeddings.token_type_embeddings.weight", "embedding.types.weight"),
        .. Encoders.Both("albert.embeddings.LayerNorm", "embedding-norm"),
        .. Encoders.Both("albert.encoder.embedding_hidden_mapping_in", "projection"),
        .. Encoders.Both(Layer + "attention.query", "blocks.{i}.attention.q"),
        .. Encoders.Both(Layer + "attention.key", "blocks.{i}.attention.k"),
        .. Encoders.Both(Layer + "attention.value", "blocks.{i}.attention.v"),
        .. Encoders.Both(Layer + "attention.dense", "blocks.{i}.attention.proj"),
        .. Encoders.Both(Layer + "attention.LayerNorm", "blocks.{i}.norm1"),
        .. Encoders.Both(Layer + "ffn", "blocks.{i}.mlp.up"),
        .. Encoders.Both(Layer + "ffn_output", "blocks.{i}.mlp.down"),
        .. Encoders.Both(Layer + "full_layer_layer_norm", "blocks.{i}.norm2"),
        .. Encoders.Both("predictions.dense", "transform"),
        .. Encoders.Both("predictions.LayerNorm", "transform-norm"),
        new("predictions.bias", "head.bias"),
        new("predictions.decoder.weight", "head.weight") { TiedTo = "albert.embeddings.word_embeddings.weight" },
        new("predictions.decoder.bias", "head.tied-bias") { TiedTo = "predictions.bias" },
    ];

    public override IReadOnlyList<string> Unused { get; } =
    [
        "albert.embeddings.position_ids",
        "albert.pooler.weight", "albert.pooler.bias", "sop_classifier.classifier.weight", "sop_classifier.classifier.bias",
    ];

    public override ArchitectureSpec Read(StrictObject config)
    {
        if ((config.OptionalInt("inner_group_num") ?? 1) != 1)
            throw config.Refused("inner_group_num", "only 1 can be declared");
        config.ExpectNone("num_memory_blocks");
        config.Ignore("classifier_dropout_prob", "down_scale_factor", "gap_size", "net_structure_type", "layers_to_keep");
        var (embedding, groups) = (config.OptionalInt("embedding_size") ?? 128, config.OptionalInt("num_hidden_groups") ?? 1);
        return Encoders.Read(config, "gelu_new") with { Family = Family.Albert, EmbeddingWidth = embedding, Share = new ShareSpec { Groups = groups } };
    }

    public override JsonObject Write(ArchitectureSpec a)
    {
        var config = Encoders.Write(a);
        config["embedding_size"] = a.EmbeddingWidth ?? 128;
        config["num_hidden_groups"] = a.Share?.Groups ?? 1;
        config["inner_group_num"] = 1;
        return config;
    }
}
