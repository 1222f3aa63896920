using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx.Rounding;

namespace ModelCompiler.Runtime.Onnx.Linears;

/// <summary>The form of each linear layer, as a plan says; those that it keeps are in fp32.</summary>
/// <param name="of">By the layer's name, and whether it is one of a repeated block.</param>
internal sealed class LinearForms(Func<string, bool, ILinearForm> of)
{
    private static readonly ILinearForm s_fp32 = new Fp32Linear();

    /// <summary>All in fp32.</summary>
    public static LinearForms Fp32 => new((_, _) => s_fp32);

    /// <param name="plan">What each layer is to be.</param>
    /// <param name="rounding">How weights are rounded.</param>
    /// <param name="range">The range of a layer's input, for static activations; null for dynamic ones.</param>
    /// <param name="prompts">Whether layers of few bits have weights of 8 bits beside them, for prompts.</param>
    public static LinearForms Of(QuantizationPlan plan, IWeightRounding rounding, Func<string, (float Least, float Most)>? range, bool prompts)
    {
        ILinearForm int8 = new Int8Linear(rounding, range);
        ILinearForm prompt = new Int8Linear(new NearestRounding(), null);
        ILinearForm Packed(WeightType weights, bool repeated)
        {
            var packed = new PackedLinear(rounding, plan.Packed(weights));
            return prompts && repeated ? new PromptLinear(prompt, packed) : packed;
        }

        return new((layer, repeated) => plan.WeightsOf(layer) switch
        {
            null => s_fp32,
            WeightType.Int8 => int8,
            { } few => Packed(few, repeated),
        });
    }

    /// <param name="layer">Its name.</param>
    /// <param name="repeated">Whether it is one of a repeated block. Others, the head above all, see few rows of a prompt.</param>
    public ILinearForm Of(string layer, bool repeated) => of(layer, repeated);
}
