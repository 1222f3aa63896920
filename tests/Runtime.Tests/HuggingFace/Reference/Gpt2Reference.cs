using System.Text.Json.Nodes;

namespace ModelCompiler.Runtime.Tests.HuggingFace.Reference;

/// <summary>GPT-2 from the documentation of transformers' GPT2LMHeadModel and Radford et al. 2019.</summary>
internal static class Gpt2Reference
{
    public static PlainCheckpoint Draw(JsonObject config, int seed)
    {
        var model = new PlainCheckpoint(config, seed);
        var (width, hidden) = (model["n_embd"], (int?)config["n_inner"] ?? 4 * model["n_embd"]);
        model.Draw("transformer.wte.weight", 0, 0.3, model["vocab_size"], width);
        model.Draw("transformer.wpe.weight", 0, 0.3, model["n_positions"], width);
        for (var i = 0; i < model["n_layer"]; i++)
        {
            var layer = $"transformer.h.{i}.";
            model.Norm(layer + "ln_1", width, bias: true);
            Conv1D(model, layer + "attn.c_attn", width, 3 * width);
            Conv1D(model, layer + "attn.c_proj", width, width);
            model.Norm(layer + "ln_2", width, bias: true);
            Conv1D(model, layer + "mlp.c_fc", width, hidden);
            Conv1D(model, layer + "mlp.c_proj", hidden, width);
        }

        model.Norm("transformer.ln_f", width, bias: true);
        if (!((bool?)config["tie_word_embeddings"] ?? true))
            model.Draw("lm_head.weight", 0, 0.3, model["vocab_size"], width);
        return model;
    }

    /// <summary>Logits [T, V].</summary>
    public static Matrix Logits(PlainCheckpoint model, IReadOnlyList<int> tokens)
    {
        var (width, heads, epsilon) = (model["n_embd"], model["n_head"], (double)model.Config["layer_norm_epsilon"]!);
        var size = width / heads;
        Matrix Norm(Matrix x, string name) => x.LayerNorm(model.Vector(name + ".weight"), model.Vector(name + ".bias"), epsilon);
        Matrix Conv(Matrix x, string name) => x.Linear(model.Matrix(name + ".weight").Transposed(), model.Vector(name + ".bias"));

        var x = model.Matrix("transformer.wte.weight").Take(tokens) + model.Matrix("transformer.wpe.weight").Take([.. Enumerable.Range(0, tokens.Count)]);
        for (var i = 0; i < model["n_layer"]; i++)
        {
            var layer = $"transformer.h.{i}.";
            var qkv = Conv(Norm(x, layer + "ln_1"), layer + "attn.c_attn");
            var mix = Matrix.Join([.. Enumerable.Range(0, heads).Select(h => Matrix.Attend(
                qkv.Slice(h * size, size), qkv.Slice(width + (h * size), size), qkv.Slice((2 * width) + (h * size), size), (q, k) => k <= q))]);
            x += Conv(mix, layer + "attn.c_proj");
            x += Conv(Conv(Norm(x, layer + "ln_2"), layer + "mlp.c_fc").Map(Matrix.GeluTanh), layer + "mlp.c_proj");
        }

        var head = model.Tensors.ContainsKey("lm_head.weight") ? "lm_head.weight" : "transformer.wte.weight";
        return Norm(x, "transformer.ln_f").Linear(model.Matrix(head));
    }

    /// <summary>Stored [in, out].</summary>
    private static void Conv1D(PlainCheckpoint model, string name, int inputs, int outputs)
    {
        model.Draw(name + ".weight", 0, 0.2, inputs, outputs);
        model.Draw(name + ".bias", 0, 0.1, outputs);
    }
}
