using System.Text.Json.Nodes;

namespace ModelCompiler.Runtime.Tests.HuggingFace.Reference;

/// <summary>Transformer-XL from the documentation of transformers' TransfoXLLMHeadModel and Dai et al. 2019, with one softmax over the vocabulary.</summary>
internal static class TransfoXlReference
{
    private const string Embedding = "transformer.word_emb.emb_layers.0.weight", Head = "crit.out_layers.0.weight";

    public static PlainCheckpoint Draw(JsonObject config, int seed)
    {
        var model = new PlainCheckpoint(config, seed);
        var (width, heads, size, hidden) = (model["d_model"], model["n_head"], model["d_head"], model["d_inner"]);
        model.Draw(Embedding, 0, 0.15, model["vocab_size"], width);
        for (var i = 0; i < model["n_layer"]; i++)
        {
            var layer = $"transformer.layers.{i}.";
            model.Draw(layer + "dec_attn.r_w_bias", 0, 0.3, heads, size);
            model.Draw(layer + "dec_attn.r_r_bias", 0, 0.3, heads, size);
            model.Linear(layer + "dec_attn.qkv_net", 3 * heads * size, width, bias: false);
            model.Linear(layer + "dec_attn.r_net", heads * size, width, bias: false);
            model.Linear(layer + "dec_attn.o_net", width, heads * size, bias: false);
            model.Norm(layer + "dec_attn.layer_norm", width, bias: true);
            model.Linear(layer + "pos_ff.CoreNet.0", hidden, width, bias: true);
            model.Linear(layer + "pos_ff.CoreNet.3", width, hidden, bias: true);
            model.Norm(layer + "pos_ff.layer_norm", width, bias: true);
        }

        if (!((bool?)config["tie_word_embeddings"] ?? true))
            model.Draw(Head, 0, 0.2, model["vocab_size"], width);
        model.Draw("crit.out_layers.0.bias", 0, 0.1, model["vocab_size"]);
        return model;
    }

    /// <summary>Logits [T, V], by segments of tgt_len tokens after a memory that is empty at first.</summary>
    public static Matrix Logits(PlainCheckpoint model, IReadOnlyList<int> tokens)
    {
        var memory = new Matrix?[model["n_layer"]];
        var segments = tokens.Chunk(model["tgt_len"]).Select(segment => Segment(model, segment, memory)).ToList();
        return new(tokens.Count, model["vocab_size"], [.. segments.SelectMany(logits => logits.Values)]);
    }

    private static Matrix Segment(PlainCheckpoint model, int[] tokens, Matrix?[] memory)
    {
        Matrix Linear(Matrix x, string name) => x.Linear(model.Matrix(name + ".weight"), model.OptionalVector(name + ".bias"));
        Matrix Norm(Matrix x, string name) =>
            x.LayerNorm(model.Vector(name + ".weight"), model.Vector(name + ".bias"), (double)model.Config["layer_norm_epsilon"]!);

        var x = model.Matrix(Embedding).Take(tokens).Map(v => v * Math.Sqrt(model["d_model"]));
        for (var i = 0; i < memory.Length; i++)
        {
            var layer = $"transformer.layers.{i}.";
            var all = memory[i] is { } before ? new Matrix(before.Rows + x.Rows, x.Columns, [.. before.Values, .. x.Values]) : x;
            var kept = Math.Min(model["mem_len"], all.Rows);
            memory[i] = kept == 0 ? null : all.Take([.. Enumerable.Range(all.Rows - kept, kept)]);
            x = Norm(x + Linear(Attend(model, layer + "dec_attn.", all, tokens.Length), layer + "dec_attn.o_net"), layer + "dec_attn.layer_norm");
            var hidden = Linear(x, layer + "pos_ff.CoreNet.0").Map(v => Math.Max(v, 0));
            x = Norm(x + Linear(hidden, layer + "pos_ff.CoreNet.3"), layer + "pos_ff.layer_norm");
        }

        return x.Linear(model.Matrix(model.Tensors.ContainsKey(Head) ? Head : Embedding), model.Vector("crit.out_layers.0.bias"));
    }

    /// <summary>The last <paramref name="count"/> rows attend to those up to them: ((q + u) kᵀ + (q + v) rᵀ) / √D, each score by itself.</summary>
    private static Matrix Attend(PlainCheckpoint model, string name, Matrix all, int count)
    {
        var (heads, size, clamp) = (model["n_head"], model["d_head"], model["clamp_len"]);
        var (width, same) = (heads * size, (bool)model.Config["same_length"]!);
        var qkv = all.Linear(model.Matrix(name + "qkv_net.weight"));
        var (u, v) = (model.Vector(name + "r_w_bias"), model.Vector(name + "r_r_bias"));
        var r = Encodings(all.Rows, all.Columns, clamp).Linear(model.Matrix(name + "r_net.weight"));
        var y = new Matrix(count, width);
        for (var t = 0; t < count; t++)
        {
            var query = all.Rows - count + t;
            var first = same ? Math.Max(0, query - model["mem_len"] + 1) : 0;
            for (var h = 0; h < heads; h++)
            {
                var weights = Enumerable.Range(first, query - first + 1).Select(key => Math.Exp(Enumerable.Range(h * size, size).Sum(c =>
                    ((qkv[query, c] + u[c]) * qkv[key, width + c]) + ((qkv[query, c] + v[c]) * r[query - key, c])) / Math.Sqrt(size))).ToList();
                for (var c = h * size; c < (h + 1) * size; c++)
                    y[t, c] = weights.Select((weight, k) => weight * qkv[first + k, (2 * width) + c]).Sum() / weights.Sum();
            }
        }

        return y;
    }

    /// <summary>Sines, then cosines, of the distances [rows, width].</summary>
    private static Matrix Encodings(int rows, int width, int clamp)
    {
        var y = new Matrix(rows, width);
        for (var distance = 0; distance < rows; distance++)
        {
            for (var i = 0; i < width / 2; i++)
            {
                var angle = (clamp > 0 ? Math.Min(distance, clamp) : distance) / Math.Pow(10_000, 2.0 * i / width);
                (y[distance, i], y[distance, i + (width / 2)]) = (Math.Sin(angle), Math.Cos(angle));
            }
        }

        return y;
    }
}
