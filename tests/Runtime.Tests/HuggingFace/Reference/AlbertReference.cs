using System.Text.Json.Nodes;

namespace ModelCompiler.Runtime.Tests.HuggingFace.Reference;

/// <summary>ALBERT with its masked-language-model head, from the documentation of transformers' AlbertForMaskedLM and Lan et al. 2020.</summary>
internal static class AlbertReference
{
    public static PlainCheckpoint Draw(JsonObject config, int seed)
    {
        var model = new PlainCheckpoint(config, seed);
        var (width, embedding, hidden) = (model["hidden_size"], model["embedding_size"], model["intermediate_size"]);
        model.Draw("albert.embeddings.word_embeddings.weight", 0, 0.3, model["vocab_size"], embedding);
        model.Draw("albert.embeddings.position_embeddings.weight", 0, 0.3, model["max_position_embeddings"], embedding);
        model.Draw("albert.embeddings.token_type_embeddings.weight", 0, 0.3, model["type_vocab_size"], embedding);
        model.Norm("albert.embeddings.LayerNorm", embedding, bias: true);
        model.Linear("albert.encoder.embedding_hidden_mapping_in", width, embedding, bias: true);
        for (var g = 0; g < model["num_hidden_groups"]; g++)
        {
            var layer = Layer(g);
            foreach (var part in (string[])["query", "key", "value", "dense"])
                model.Linear($"{layer}attention.{part}", width, width, bias: true);
            model.Norm(layer + "attention.LayerNorm", width, bias: true);
            model.Linear(layer + "ffn", hidden, width, bias: true);
            model.Linear(layer + "ffn_output", width, hidden, bias: true);
            model.Norm(layer + "full_layer_layer_norm", width, bias: true);
        }

        model.Draw("predictions.bias", 0, 0.1, model["vocab_size"]);
        model.Linear("predictions.dense", embedding, width, bias: true);
        model.Norm("predictions.LayerNorm", embedding, bias: true);
        return model;
    }

    /// <summary>Logits [T, V] of a sequence without padding.</summary>
    public static Matrix Logits(PlainCheckpoint model, IReadOnlyList<int> tokens)
    {
        var embedded = EncoderReference.Embed(model, "albert.embeddings.", tokens, EncoderReference.FirstPartEnd(tokens));
        var x = EncoderReference.Linear(model, embedded, "albert.encoder.embedding_hidden_mapping_in");
        var (layers, groups) = (model["num_hidden_layers"], model["num_hidden_groups"]);
        for (var i = 0; i < layers; i++)
        {
            var layer = Layer(i * groups / layers);
            x = EncoderReference.Block(
                model, x, layer + "attention.query", layer + "attention.key", layer + "attention.value", layer + "attention.dense",
                layer + "attention.LayerNorm", layer + "ffn", layer + "ffn_output", layer + "full_layer_layer_norm", Matrix.GeluTanh);
        }

        var transformed = EncoderReference.Norm(model, EncoderReference.Linear(model, x, "predictions.dense").Map(Matrix.GeluTanh), "predictions.LayerNorm");
        return transformed.Linear(model.Matrix("albert.embeddings.word_embeddings.weight"), model.Vector("predictions.bias"));
    }

    private static string Layer(int group) => $"albert.encoder.albert_layer_groups.{group}.albert_layers.0.";
}
