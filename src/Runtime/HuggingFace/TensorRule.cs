namespace ModelCompiler.Runtime.HuggingFace;

/// <summary>
/// One line of an architecture's table of names: which of our parameters a tensor of Hugging Face's holds. <c>{i}</c> in both
/// stands for the number of a layer.
/// </summary>
/// <param name="Theirs">Its name in a model with a head, e.g. <c>transformer.h.{i}.attn.c_attn.weight</c>.</param>
/// <param name="Ours">Our parameters, e.g. <c>blocks.{i}.attention.q.weight</c>; several lie one after the other along the outputs.</param>
internal sealed record TensorRule(string Theirs, params IReadOnlyList<string> Ours)
{
    /// <summary>The tensor is [in, out], where our matrices are [out, in]: GPT-2's <c>Conv1D</c>.</summary>
    public bool Transposed { get; init; }

    /// <summary>The vector is [heads, size of a head].</summary>
    public bool ByHead { get; init; }

    /// <summary>Their tensor whose values this one repeats in a model that ties the two and has no parameter of its own for it.</summary>
    public string? TiedTo { get; init; }

    /// <summary>A name with the number of its layer in the place of <c>{i}</c>.</summary>
    public static string Name(string pattern, string layer) => pattern.Replace("{i}", layer, StringComparison.Ordinal);

    /// <summary>A name with <c>{i}</c> in the place of its first number, and the number; empty where there is none.</summary>
    public static (string Pattern, string Layer) Split(string name)
    {
        var parts = name.Split('.');
        for (var i = 0; i < parts.Length; i++)
        {
            if (parts[i].Length == 0 || !parts[i].All(char.IsAsciiDigit))
                continue;
            var layer = parts[i];
            parts[i] = "{i}";
            return (string.Join('.', parts), layer);
        }

        return (name, "");
    }
}
