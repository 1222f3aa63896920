namespace ModelCompiler.ModelDsl;

/// <summary>What becomes of each linear layer's weights: the declaration's patterns against the layers' names.</summary>
public sealed class LayerWeights
{
    private readonly WeightType _weights;
    private readonly LayerPattern[] _keep, _int8, _int4;

    public LayerWeights(QuantizationSpec quantization) =>
        (_weights, _keep, _int8, _int4) = (quantization.Weights, Patterns(quantization.Keep), Patterns(quantization.Int8), Patterns(quantization.Int4));

    /// <param name="layer">Its name, or that of all layers of a repeated block, with <c>*</c> for their number.</param>
    /// <returns>null for fp32.</returns>
    public WeightType? Of(string layer) =>
        Any(_keep, layer) ? null
        : Any(_int8, layer) ? WeightType.Int8
        : Any(_int4, layer) ? WeightType.Int4
        : _weights;

    private static bool Any(LayerPattern[] patterns, string layer) => patterns.Any(pattern => pattern.Matches(layer));

    private static LayerPattern[] Patterns(EquatableArray<string> patterns) =>
        [.. patterns.Where(pattern => pattern != QuantizationSpec.Auto).Select(pattern => new LayerPattern(pattern))];
}
