using System.Text.Json.Nodes;

namespace ModelCompiler.Runtime.Tests.HuggingFace.Reference;

/// <summary>
/// Llama, Mistral, Qwen2 and Qwen3 from the documentation of transformers and Touvron et al. 2023, Jiang et al. 2023, Yang et al.
/// 2024 and 2025.
/// </summary>
internal static class LlamaReference
{
    public static PlainCheckpoint Draw(JsonObject config, int seed)
    {
        var model = new PlainCheckpoint(config, seed);
        var (width, hidden) = (model["hidden_size"], model["intermediate_size"]);
        var (size, type) = (Size(model), (string)config["model_type"]!);
        var attentionBias = (bool?)config["attention_bias"] ?? false;
        var mlpBias = (bool?)config["mlp_bias"] ?? false;
        model.Draw("model.embed_tokens.weight", 0, 0.3, model["vocab_size"], width);
        for (var i = 0; i < model["num_hidden_layers"]; i++)
        {
            var layer = $"model.layers.{i}.";
            model.Norm(layer + "input_layernorm", width, bias: false);
            model.Linear(layer + "self_attn.q_proj", model["num_attention_heads"] * size, width, attentionBias || type == "qwen2");
            model.Linear(layer + "self_attn.k_proj", model["num_key_value_heads"] * size, width, attentionBias || type == "qwen2");
            model.Linear(layer + "self_attn.v_proj", model["num_key_value_heads"] * size, width, attentionBias || type == "qwen2");
            model.Linear(layer + "self_attn.o_proj", width, model["num_attention_heads"] * size, attentionBias);
            if (type == "qwen3")
            {
                model.Norm(layer + "self_attn.q_norm", size, bias: false);
                model.Norm(layer + "self_attn.k_norm", size, bias: false);
            }

            model.Norm(layer + "post_attention_layernorm", width, bias: false);
            model.Linear(layer + "mlp.gate_proj", hidden, width, mlpBias);
            model.Linear(layer + "mlp.up_proj", hidden, width, mlpBias);
            model.Linear(layer + "mlp.down_proj", width, hidden, mlpBias);
        }

        model.Norm("model.norm", width, bias: false);
        if (!((bool?)config["tie_word_embeddings"] ?? false))
            model.Draw("lm_head.weight", 0, 0.3, model["vocab_size"], width);
        return model;
    }

    /// <summary>Logits [T, V].</summary>
    public static Matrix Logits(PlainCheckpoint model, IReadOnlyList<int> tokens)
    {
        var (heads, kvHeads, size) = (model["num_attention_heads"], model["num_key_value_heads"], Size(model));
        var epsilon = (double)model.Config["rms_norm_eps"]!;
        var (frequencies, magnitude) = RotaryReference.Of(model.Config, size);
        var window = (int?)model.Config["sliding_window"] ?? tokens.Count;
        Matrix Norm(Matrix x, string name) => x.RmsNorm(model.Vector(name + ".weight"), epsilon);
        Matrix Linear(Matrix x, string name) => x.Linear(model.Matrix(name + ".weight"), model.OptionalVector(name + ".bias"));

        var x = model.Matrix("model.embed_tokens.weight").Take(tokens);
        for (var i = 0; i < model["num_hidden_layers"]; i++)
        {
            var layer = $"model.layers.{i}.";
            var input = Norm(x, layer + "input_layernorm");
            Matrix Head(string part, int h)
            {
                var y = Linear(input, $"{layer}self_attn.{part}_proj").Slice(h * size, size);
                return model.Tensors.ContainsKey($"{layer}self_attn.{part}_norm.weight") ? Norm(y, $"{layer}self_attn.{part}_norm") : y;
            }

            var mix = Matrix.Join([.. Enumerable.Range(0, heads).Select(h => Matrix.Attend(
                Head("q", h).Rotate(frequencies, magnitude), Head("k", h / (heads / kvHeads)).Rotate(frequencies, magnitude), Head("v", h / (heads / kvHeads)),
                (q, k) => k <= q && k > q - window))]);
            x += Linear(mix, layer + "self_attn.o_proj");
            input = Norm(x, layer + "post_attention_layernorm");
            x += Linear(Linear(input, layer + "mlp.gate_proj").Map(Matrix.Silu).Times(Linear(input, layer + "mlp.up_proj")), layer + "mlp.down_proj");
        }

        var head = model.Tensors.ContainsKey("lm_head.weight") ? "lm_head.weight" : "model.embed_tokens.weight";
        return Norm(x, "model.norm").Linear(model.Matrix(head));
    }

    private static int Size(PlainCheckpoint model) => (int?)model.Config["head_dim"] ?? model["hidden_size"] / model["num_attention_heads"];
}
