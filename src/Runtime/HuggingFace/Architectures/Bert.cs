using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace.Architectures;

/// <summary>BERT (Devlin et al. 2019) with its masked-language-model head.</summary>
internal sealed class Bert : PretrainedArchitecture
{
    public override string ModelType => "bert";

    public override string ClassName => "BertForMaskedLM";

    public override string Prefix => "bert.";

    public override IReadOnlyList<TensorRule> Tensors { get; } =
    [
        .. Encoders.Both("bert.embeddings.LayerNorm", "embedding-norm"),
        new("bert.embeddings.word_embeddings.weight", "embedding.weight"),
        new("bert.embeddings.position_embeddings.weight", "embedding.position.weight"),
        new("bert.embeddings.token_type_embeddings.weight", "embedding.types.weight"),
        .. Encoders.Both("bert.encoder.layer.{i}.attention.self.query", "blocks.{i}.attention.q"),
        .. Encoders.Both("bert.encoder.layer.{i}.attention.self.key", "blocks.{i}.attention.k"),
        .. Encoders.Both("bert.encoder.layer.{i}.attention.self.value", "blocks.{i}.attention.v"),
        .. Encoders.Both("bert.encoder.layer.{i}.attention.output.dense", "blocks.{i}.attention.proj"),
        .. Encoders.Both("bert.encoder.layer.{i}.attention.output.LayerNorm", "blocks.{i}.norm1"),
        .. Encoders.Both("bert.encoder.layer.{i}.intermediate.dense", "blocks.{i}.mlp.up"),
        .. Encoders.Both("bert.encoder.layer.{i}.output.dense", "blocks.{i}.mlp.down"),
        .. Encoders.Both("bert.encoder.layer.{i}.output.LayerNorm", "blocks.{i}.norm2"),
        .. Encoders.Both("cls.predictions.transform.dense", "transform"),
        .. Encoders.Both("cls.predictions.transform.LayerNorm", "transform-norm"),
        new("cls.predictions.bias", "head.bias"),
        new("cls.predictions.decoder.weight", "head.weight") { TiedTo = "bert.embeddings.word_embeddings.weight" },
        new("cls.predictions.decoder.bias", "head.tied-bias") { TiedTo = "cls.predictions.bias" },
    ];

    public override IReadOnlyList<string> Unused { get; } =
    [
        "bert.embeddings.position_ids",
        "bert.pooler.dense.weight", "bert.pooler.dense.bias", "cls.seq_relationship.weight", "cls.seq_relationship.bias",
    ];

    public override ArchitectureSpec Read(StrictObject config) => Encoders.Read(config, "gelu") with { Family = Family.Encoder };

    public override JsonObject Write(ArchitectureSpec a) => Encoders.Write(a);
}
