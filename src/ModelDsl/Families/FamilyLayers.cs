namespace ModelCompiler.ModelDsl;

/// <summary>The layers of a model, whichever way its architecture is declared.</summary>
public static class FamilyLayers
{
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
