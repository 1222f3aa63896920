namespace ModelCompiler.Runtime.Tests.HuggingFace.Reference;

/// <summary>What BERT and ALBERT have in common.</summary>
internal static class EncoderReference
{
    public const int Sep = 3;

    /// <summary>The number of tokens of the first part of a sequence: up to its first [SEP].</summary>
    public static int FirstPartEnd(IReadOnlyList<int> tokens) => tokens.Contains(Sep) ? tokens.ToList().IndexOf(Sep) + 1 : tokens.Count;

    public static Matrix Embed(PlainCheckpoint model, string name, IReadOnlyList<int> tokens, int firstPartEndsAt)
    {
        var types = Enumerable.Range(0, tokens.Count).Select(i => i < firstPartEndsAt ? 0 : 1).ToArray();
        return Norm(
            model,
            model.Matrix(name + "word_embeddings.weight").Take(tokens)
                + model.Matrix(name + "position_embeddings.weight").Take([.. Enumerable.Range(0, tokens.Count)])
                + model.Matrix(name + "token_type_embeddings.weight").Take(types),
            name + "LayerNorm");
    }

    /// <summary>Attention in both directions and a feed-forward layer, each normalized after its residual sum.</summary>
    public static Matrix Block(
        PlainCheckpoint model, Matrix x, string query, string key, string value, string dense, string attentionNorm, string up, string down, string outputNorm, Func<double, double> activation)
    {
        var (heads, size) = (model["num_attention_heads"], model["hidden_size"] / model["num_attention_heads"]);
        var (q, k, v) = (Linear(model, x, query), Linear(model, x, key), Linear(model, x, value));
        var mix = Matrix.Join([.. Enumerable.Range(0, heads).Select(h => Matrix.Attend(
            q.Slice(h * size, size), k.Slice(h * size, size), v.Slice(h * size, size), (_, _) => true))]);
        x = Norm(model, x + Linear(model, mix, dense), attentionNorm);
        return Norm(model, x + Linear(model, Linear(model, x, up).Map(activation), down), outputNorm);
    }

    public static Matrix Linear(PlainCheckpoint model, Matrix x, string name) => x.Linear(model.Matrix(name + ".weight"), model.Vector(name + ".bias"));

    public static Matrix Norm(PlainCheckpoint model, Matrix x, string name) =>
        x.LayerNorm(model.Vector(name + ".weight"), model.Vector(name + ".bias"), (double)model.Config["layer_norm_eps"]!);
}
