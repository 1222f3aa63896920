using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// The keys of distances (Dai et al. 2019): weight [C, K] → R · weightᵀ [L, C], where row i of R is the sinusoidal encoding
/// (Vaswani et al. 2017) of the distance L − 1 − i, at most <c>clamp</c> where that is not 0: K/2 sines, then K/2 cosines.
/// </summary>
public sealed class RelativeKeys : Op
{
    public override string Name => "relative_keys";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var weight = inputs.Rank(0, 2);
        inputs.Require(weight.Last.Value % 2 == 0, "the encoding has sines and cosines: its width must be even");
        // A step of fewer tokens has as many fewer rows.
        return [TensorType.Of(weight.DType, new Dim(inputs.Attributes.Long("memory") > 0 ? "M + T" : "T", Length(inputs.Attributes)), weight.Shape[0])];
    }

    public override long Flops(Inputs inputs) => 2 * Length(inputs.Attributes) * inputs[0].Elements;

    public override void Differentiate(GradientBuilder g) => g.Emit("relative_keys_grad", g.Attributes, [g.OutputGradient, g.Input(0), g.Prior(0)], 0);

    public override KernelCall Lower(Inputs inputs) => new("RelativeKeys", In(0), inputs.Attributes.Long("clamp"), Out(0))
    {
        Cached = new("RelativeKeysCached", In(0), inputs.Attributes.Long("clamp"), "at", Out(0)),
    };

    public override OnnxCall? Export(Inputs inputs) => new("RelativeKeys", In(0), inputs.Attributes.Long("clamp"));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
        new Linear().Evaluate(ReferenceInputs.Of("linear", Encodings(inputs.Attributes, inputs[0].Last), inputs[0]));

    /// <summary>L = M + T</summary>
    internal static long Length(Attributes attributes) => attributes.Long("memory") + attributes.Long("sequence");

    internal static ReferenceTensor Encodings(Attributes attributes, int width)
    {
        var (length, clamp) = ((int)Length(attributes), attributes.Long("clamp"));
        var encodings = ReferenceTensor.Zeros(length, width);
        for (var i = 0; i < length; i++)
            for (var c = 0; c < width / 2; c++)
            {
                var distance = clamp > 0 ? Math.Min(clamp, length - 1 - i) : length - 1 - i;
                var angle = distance / Math.Pow(10_000, 2.0 * c / width);
                (encodings.Data[(i * width) + c], encodings.Data[(i * width) + (width / 2) + c]) = (Math.Sin(angle), Math.Cos(angle));
            }
        return encodings;
    }
}

/// <summary>dy [L, C], weight [C, K] → its gradient, fp32 [C, K], added to the optional third input.</summary>
public sealed class RelativeKeysGrad : Op
{
    public override string Name => "relative_keys_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs.Rank(1, 2).With(DType.F32)];

    public override long Flops(Inputs inputs) => 2 * RelativeKeys.Length(inputs.Attributes) * inputs[1].Elements;

    public override KernelCall Lower(Inputs inputs) => new("RelativeKeysGrad", In(0), inputs.Attributes.Long("clamp"), Accumulate(2), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
        new LinearGradWeight().Evaluate(ReferenceInputs.Of(
            "linear_grad_weight", inputs[0], RelativeKeys.Encodings(inputs.Attributes, inputs[1].Last), inputs.Find(2)));
}
