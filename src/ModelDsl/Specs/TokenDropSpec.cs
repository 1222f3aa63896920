namespace ModelCompiler.ModelDsl;

/// <summary>Random layerwise token dropping, random-LTD (Yao et al. 2022): the middle layers train on some of the tokens, more and more of them.</summary>
[Shorthand("from")]
public sealed record TokenDropSpec
{
    [Key("from", "Tokens of each sequence that the middle layers see at first. Default: a quarter of the context.", Min = 1, Max = 1_048_576)]
    public int? From { get; init; }

    [Key("steps", "Steps until they see all tokens. Default: half of training.steps.", Min = 1, Max = 100_000_000)]
    public int? Steps { get; init; }

    [Key("multiple", "The tokens grow by this many; each number is compiled as a step of its own. Default: as many as `from`.", Min = 1, Max = 1_048_576)]
    public int? Multiple { get; init; }

    [Key("keep-layers", "First and last layers, as many each, that always see all tokens.", Min = 0, Max = 512)]
    public int KeepLayers { get; init; } = 1;

    /// <summary>The same with every default filled in, for a valid declaration.</summary>
    public static TokenDropSpec? Resolve(ModelSpec model)
    {
        if (model.Efficiency.TokenDrop is not { } declared) return null;
        var from = declared.From ?? Math.Max(1, model.Architecture.Context / 4);
        return declared with
        {
            From = from,
            Steps = declared.Steps ?? Math.Max(1, model.Training.Steps / 2),
            Multiple = declared.Multiple ?? from,
        };
    }

    /// <summary>The numbers of tokens that the middle layers see, ascending; the last is the context. None without the directive.</summary>
    public static EquatableArray<int> Kept(ModelSpec model)
    {
        if (Resolve(model) is not { } drop) return EquatableArray<int>.Empty;
        var kept = new List<int>();
        for (long tokens = drop.From!.Value; tokens < model.Architecture.Context; tokens += drop.Multiple!.Value) kept.Add((int)tokens);
        return kept.Append(model.Architecture.Context).ToEquatableArray();
    }
}
