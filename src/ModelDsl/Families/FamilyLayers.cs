namespace ModelCompiler.ModelDsl;

/// <summary>The layers of a model, whichever way its architecture is declared.</summary>
public static class FamilyLayers
{
    /// <summary>Whether <see cref="Of"/> has what it needs: what is missing is the declaration's error, which is told elsewhere.</summary>
    public static bool Knows(ArchitectureSpec a) => a.Family is null || (a.Layers is not null && a.Heads is not null);

    /// <summary>The layers of a valid model: those of its family, or its blocks.</summary>
    public static EquatableArray<LayerSpec> Of(ModelSpec model) => model.Architecture.Family switch
    {
        null => model.Architecture.Blocks,
        Family.TransformerXl => TransformerXl.Layers(model.Architecture),
        Family.Encoder => Encoder.Layers(model),
        Family.Albert => Albert.Layers(model),
        _ => Decoder.Layers(model.Architecture),
    };
}
