using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx.Linears;
using ModelCompiler.Runtime.Onnx.Rounding;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>What becomes of each linear layer's weights: the declaration's patterns against the layers' names.</summary>
/// <param name="quantization">The declaration.</param>
/// <param name="sensitive">Layers that a measurement keeps in fp32 beside those that the declaration names.</param>
internal sealed class QuantizationPlan(QuantizationSpec quantization, IReadOnlySet<string>? sensitive = null)
{
    private readonly LayerWeights _declared = new(quantization);

    /// <returns>null for fp32.</returns>
    public WeightType? WeightsOf(string layer) => sensitive?.Contains(layer) == true ? null : _declared.Of(layer);

    /// <summary>The integers of a layer's weights; null for fp32.</summary>
    /// <param name="layer">Its name.</param>
    /// <param name="columns">Weights of a row, K.</param>
    public RoundingGrid? GridOf(string layer, int columns) => WeightsOf(layer) switch
    {
        null => null,
        WeightType.Int8 => Int8Linear.Grid(columns),
        { } weights => Packed(weights),
    };

    /// <summary>The integers of fewer than 8 bits.</summary>
    public RoundingGrid Packed(WeightType weights) => new(weights == WeightType.Int4 ? 4 : 2, quantization.Group, quantization.Symmetric);
}
