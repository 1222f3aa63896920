using System.Text.Json.Nodes;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.HuggingFace.Architectures;

/// <summary>What the configurations and tables of BERT and ALBERT have in common.</summary>
internal static class Encoders
{
    /// <summary>The weight and the bias of a linear layer or a norm.</summary>
    public static IEnumerable<TensorRule> Both(string theirs, string ours) => [new(theirs + ".weight", ours + ".weight"), new(theirs + ".bias", ours + ".bias")];

    /// <summary>The architecture but for its family.</summary>
    public static ArchitectureSpec Read(StrictObject config, string activation)
    {
        config.Ignore("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "directionality", "pooler_fc_size",
            "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type");
        config.Expect("is_decoder", false, otherwise: false);
        config.Expect("add_cross_attention", false, otherwise: false);
        config.Expect("tie_word_embeddings", true, otherwise: true);
        config.Choice("position_embedding_type", "absolute", ("absolute", 0));
        return new ArchitectureSpec
        {
            Vocabulary = config.Int("vocab_size"),
            Context = config.Int("max_position_embeddings"),
            Width = config.Int("hidden_size"),
            Layers = config.Int("num_hidden_layers"),
            Heads = config.Int("num_attention_heads"),
            NormEpsilon = config.OptionalNumber("layer_norm_eps") ?? 1e-12,
            Mlp = new FamilyMlpSpec { Kind = Activations.Read(config, "hidden_act", activation), Hidden = config.Int("intermediate_size") },
            TokenTypes = config.OptionalInt("type_vocab_size") ?? 2,
        };
    }

    public static JsonObject Write(ArchitectureSpec a) => new()
    {
        ["vocab_size"] = a.Vocabulary,
        ["max_position_embeddings"] = a.Context,
        ["hidden_size"] = a.Width,
        ["intermediate_size"] = a.Mlp?.Hidden,
        ["num_hidden_layers"] = a.Layers,
        ["num_attention_heads"] = a.Heads,
        ["type_vocab_size"] = a.TokenTypes,
        ["hidden_act"] = Activations.Write(a.Mlp?.Kind ?? MlpKind.Gelu),
        ["layer_norm_eps"] = a.NormEpsilon ?? 1e-5,
        ["hidden_dropout_prob"] = a.Dropout ?? 0,
        ["attention_probs_dropout_prob"] = 0,
    };
}
