namespace ModelCompiler.ModelDsl;

/// <summary>The layers of a model, whichever way its architecture is declared.</summary>
public static class FamilyLayers
{
    /// <summary>The layers of a valid architecture: those of its family, or its blocks.</summary>
    public static EquatableArray<LayerSpec> Of(ArchitectureSpec architecture) => architecture.Family switch
    {
        null => architecture.Blocks,
        Family.TransformerXl => TransformerXl.Layers(architecture),
        _ => Decoder.Layers(architecture),
    };
}
