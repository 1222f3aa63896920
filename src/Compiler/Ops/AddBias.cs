using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>x [.., M] + bias [M]. FoldBiases moves it into the op after it, or Fuse into the linear layer before it.</summary>
public sealed class AddBias : Op
{
    public override string Name => "add_bias";

    public override bool ByRows => true;

    public override bool Cheap => true;

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        Require(inputs, 1);
        return [inputs[0]];
    }

    /// <summary>Requires the optional bias at this input to fit input 0.</summary>
    internal static void Require(Inputs inputs, int bias)
    {
        if (!inputs.Has(bias)) return;
        inputs.Require(inputs[0].Last.Value == inputs.Rank(bias, 1).Last.Value, "the bias must have the width of x");
        inputs.Require(inputs[0].DType == inputs[bias].DType, "element types differ");
    }

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override void Differentiate(GradientBuilder g)
    {
        g.Emit("bias_grad", Attributes.None, [g.OutputGradient, g.Prior(1)], 1);
        g.PassThrough(0);
    }

    public override void Linearize(TangentBuilder t) => t.Emit(0, Name, Attributes.None, t.Tangent(0), t.Tangent(1));

    public override KernelCall Lower(Inputs inputs) => new("AddBias", In(0), In(1), Out(0));

    public override OnnxCall? Export(Inputs inputs) =>
        new("AddBias", In(0), In(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, bias) = (inputs[0], inputs[1]);
        return [x with { Data = x.Data.Select((v, i) => v + bias.Data[i % x.Last]).ToArray() }];
    }
}

/// <summary>dy [.., M] → its sum over rows, fp32 [M], added to the optional second input.</summary>
public sealed class BiasGrad : Op
{
    public override string Name => "bias_grad";

    public override bool ByRows => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [TensorType.Of(DType.F32, inputs[0].Last)];

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override void Linearize(TangentBuilder t) => t.Emit(0, Name, Attributes.None, t.Tangent(0), t.Tangent(1));

    public override KernelCall Lower(Inputs inputs) => new("LinearGradBias", In(0), Accumulate(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var dy = inputs[0];
        var db = inputs.Prior(1, dy.Last);
        for (var i = 0; i < dy.Data.Length; i++) db[i % dy.Last] += dy.Data[i];
        return [new(db, [dy.Last])];
    }
}
