using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// A causal convolution over the sequence, each channel by itself: x [B, T, C], weight fp32 [K, C] → y [B, T, C] with
/// y[t] = Σₖ weight[k] · x[t − K + 1 + k], where x is zero before the sequence.
/// </summary>
public sealed class Convolution : Op
{
    public override string Name => "convolution";

    public override bool Cheap => true;

    public override bool KeepsFullPrecision(int input) => input == 1;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (x, weight) = (inputs.Rank(0, 3), inputs.Rank(1, 2));
        inputs.Require(x.Last.Value == weight.Last.Value, "the weight must have the channels of x");
        inputs.Require(weight.DType == DType.F32, "the weight stays fp32");
        return [x];
    }

    public override long Flops(Inputs inputs) => 2 * inputs[0].Elements * inputs[1].Shape[0].Value;

    public override void Differentiate(GradientBuilder g) =>
        g.Emit("convolution_grad", Attributes.None, [g.OutputGradient, g.Input(0), g.Input(1), g.Prior(1)], 0, 1);

    public override KernelCall Lower(Inputs inputs) => new("Convolution", In(0), In(1), "T", Out(0))
    {
        Cached = new("ConvolutionStep", In(0), In(1), "at", "state", Out(0)),
    };

    public override OnnxCall? Export(Inputs inputs) => new("Convolution", In(0), In(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, weight) = (inputs[0], inputs[1]);
        var y = x.Like();
        foreach (var (at, from, tap) in Taps(x, weight)) y.Data[at] += weight.Data[tap] * x.Data[from];
        return [y];
    }

    /// <summary>Where an element of the result, one of x and one of the weight meet.</summary>
    internal static IEnumerable<(int At, int From, int Tap)> Taps(ReferenceTensor x, ReferenceTensor weight)
    {
        var (length, width, kernel) = ((int)x.Shape[1], x.Last, (int)weight.Shape[0]);
        for (var row = 0; row < x.Rows; row++)
            for (var k = 0; k < kernel; k++)
                for (var c = 0; row % length >= kernel - 1 - k && c < width; c++)
                    yield return ((row * width) + c, ((row - kernel + 1 + k) * width) + c, (k * width) + c);
    }
}

/// <summary>dy, x [B, T, C], weight [K, C] → dx, and fp32 dWeight [K, C] added to the optional fourth input.</summary>
public sealed class ConvolutionGrad : Op
{
    public override string Name => "convolution_grad";

    public override bool KeepsFullPrecision(int input) => input == 2;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1], inputs[2]];

    public override long Flops(Inputs inputs) => 4 * inputs[0].Elements * inputs[2].Shape[0].Value;

    public override KernelCall Lower(Inputs inputs) => new("ConvolutionGrad", In(0), In(1), In(2), "T", Accumulate(3), Out(0), Out(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, x, weight) = (inputs[0], inputs[1], inputs[2]);
        var (dx, dWeight) = (x.Like(), inputs.Prior(3, weight.Data.Length));
        foreach (var (at, from, tap) in Convolution.Taps(x, weight))
        {
            dx.Data[from] += weight.Data[tap] * dy.Data[at];
            dWeight[tap] += x.Data[from] * dy.Data[at];
        }
        return [dx, weight with { Data = dWeight }];
    }
}
