namespace ModelCompiler.ModelDsl;

/// <summary>
/// ALBERT (Lan et al. 2020): an <see cref="Encoder"/> whose embedding is factorized, V·E + E·C parameters instead of V·C, and
/// whose blocks share their parameters in groups.
/// </summary>
public static class Albert
{
    /// <summary>Width of the embedding in all published models.</summary>
    private const int EmbeddingWidth = 128;

    /// <summary>The layers of an ALBERT of this architecture; layers and heads must be given.</summary>
    public static EquatableArray<LayerSpec> Layers(ModelSpec model)
    {
        var a = model.Architecture;
        return Encoder.Layers(model with
        {
            Architecture = a with { EmbeddingWidth = a.EmbeddingWidth ?? EmbeddingWidth, Share = a.Share ?? new ShareSpec { Groups = 1 } },
        });
    }
}
