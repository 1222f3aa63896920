using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx.Equalization;
using ModelCompiler.Runtime.Onnx.Rounding;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>A declared quantization, ready to round: which layers, and by what.</summary>
internal sealed record Quantizer(QuantizationPlan Plan, IWeightRounding Rounding)
{
    /// <summary>Whether a quantization scales channels of the parameters that it observes.</summary>
    public static bool Scales(QuantizationSpec quantization) => quantization.Method is RoundingMethod.Awq or RoundingMethod.SmoothQuant;

    /// <summary>Whether rounding weights observes the layers' inputs while the model reads text.</summary>
    public static bool NeedsText(QuantizationSpec quantization) =>
        quantization.Method is RoundingMethod.Gptq or RoundingMethod.Awq or RoundingMethod.SmoothQuant || quantization.Keep.Contains(QuantizationSpec.Auto);

    /// <summary>Scales channels in the observed parameters where the method does.</summary>
    /// <param name="quantization">The declaration.</param>
    /// <param name="observed">The layers' inputs, where the declaration needs text.</param>
    /// <param name="watch">Follows it, and may end it.</param>
    public static Quantizer Of(QuantizationSpec quantization, Calibration? observed, ExportWatch watch)
    {
        var plan = new QuantizationPlan(quantization);
        if (quantization.Method == RoundingMethod.Awq) ChannelEqualization.Apply(observed!, plan, new AwqScales(), watch);
        if (quantization.Method == RoundingMethod.SmoothQuant) ChannelEqualization.Apply(observed!, plan, new SmoothScales(quantization.Smoothing), watch);
        if (quantization.Keep.Contains(QuantizationSpec.Auto)) plan = new QuantizationPlan(quantization, SensitiveLayers.Find(observed!, plan, watch));
        return new(plan, quantization.Method switch
        {
            RoundingMethod.Gptq => new GptqRounding(observed!.Moments, quantization.Damping, quantization.ActivationOrder),
            RoundingMethod.Awq => new AwqRounding(observed!.Moments),
            RoundingMethod.Hqq => new HqqRounding(),
            _ => new NearestRounding(),
        });
    }

    /// <summary>Weights of a model that will be rounded.</summary>
    public int Count(ICompiledModel model, ParameterStore parameters)
    {
        var layers = OnnxExport.Layers(model, parameters);
        var count = layers.Where(layer => Plan.WeightsOf(layer.Name) is not null).DistinctBy(layer => layer.Source).Count();
        foreach (var layer in layers) layer.Weight.Dispose();
        return count;
    }
}
