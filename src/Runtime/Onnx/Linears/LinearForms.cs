using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx.Rounding;

namespace ModelCompiler.Runtime.Onnx.Linears;

/// <summary>The form of each linear layer, as a plan says; those that it keeps are in fp32.</summary>
internal sealed class LinearForms(Func<string, ILinearForm> of)
{
    private static readonly ILinearForm s_fp32 = new Fp32Linear();

    /// <summary>All in fp32.</summary>
    public static LinearForms Fp32 => new(_ => s_fp32);

    /// <param name="plan">What each layer is to be.</param>
    /// <param name="rounding">How weights are rounded.</param>
    /// <param name="range">The range of a layer's input, for static activations; null for dynamic ones.</param>
    public static LinearForms Of(QuantizationPlan plan, IWeightRounding rounding, Func<string, (float Least, float Most)>? range)
    {
        ILinearForm int8 = new Int8Linear(rounding, range), int4 = new PackedLinear(rounding, plan.Packed(WeightType.Int4)), int2 = new PackedLinear(rounding, plan.Packed(WeightType.Int2));
        return new(layer => plan.WeightsOf(layer) switch
        {
            WeightType.Int8 => int8,
            WeightType.Int4 => int4,
            WeightType.Int2 => int2,
            _ => s_fp32,
        });
    }

    public ILinearForm Of(string layer) => of(layer);
}
