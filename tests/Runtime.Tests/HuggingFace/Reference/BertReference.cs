using System.Text.Json.Nodes;

namespace ModelCompiler.Runtime.Tests.HuggingFace.Reference;

/// <summary>BERT with its masked-language-model head, from the documentation of transformers' BertForMaskedLM and Devlin et al. 2019.</summary>
internal static class BertReference
{
    public static PlainCheckpoint Draw(JsonObject config, int seed)
    {
        var model = new PlainCheckpoint(config, seed);
        var (width, hidden) = (model["hidden_size"], model["intermediate_size"]);
        model.Draw("bert.embeddings.word_embeddings.weight", 0, 0.3, model["vocab_size"], width);
        model.Draw("bert.embeddings.position_embeddings.weight", 0, 0.3, model["max_position_embeddings"], width);
        model.Draw("bert.embeddings.token_type_embeddings.weight", 0, 0.3, model["type_vocab_size"], width);
        model.Norm("bert.embeddings.LayerNorm", width, bias: true);
        for (var i = 0; i < model["num_hidden_layers"]; i++)
        {
            var layer = $"bert.encoder.layer.{i}.";
            foreach (var part in (string[])["query", "key", "value"])
                model.Linear($"{layer}attention.self.{part}", width, width, bias: true);
            model.Linear(layer + "attention.output.dense", width, width, bias: true);
            model.Norm(layer + "attention.output.LayerNorm", width, bias: true);
            model.Linear(layer + "intermediate.dense", hidden, width, bias: true);
            model.Linear(layer + "output.dense", width, hidden, bias: true);
            model.Norm(layer + "output.LayerNorm", width, bias: true);
        }

        model.Draw("cls.predictions.bias", 0, 0.1, model["vocab_size"]);
        model.Linear("cls.predictions.transform.dense", width, width, bias: true);
        model.Norm("cls.predictions.transform.LayerNorm", width, bias: true);
        return model;
    }

    /// <summary>Logits [T, V] of a sequence of one part, without padding.</summary>
    public static Matrix Logits(PlainCheckpoint model, IReadOnlyList<int> tokens)
    {
        var x = EncoderReference.Embed(model, "bert.embeddings.", tokens, firstPartEndsAt: EncoderReference.FirstPartEnd(tokens));
        for (var i = 0; i < model["num_hidden_layers"]; i++)
        {
            var layer = $"bert.encoder.layer.{i}.";
            x = EncoderReference.Block(
                model, x, layer + "attention.self.query", layer + "attention.self.key", layer + "attention.self.value", layer + "attention.output.dense",
                layer + "attention.output.LayerNorm", layer + "intermediate.dense", layer + "output.dense", layer + "output.LayerNorm", Matrix.Gelu);
        }

        var transformed = EncoderReference.Norm(model, EncoderReference.Linear(model, x, "cls.predictions.transform.dense").Map(Matrix.Gelu), "cls.predictions.transform.LayerNorm");
        return transformed.Linear(model.Matrix("bert.embeddings.word_embeddings.weight"), model.Vector("cls.predictions.bias"));
    }
}
