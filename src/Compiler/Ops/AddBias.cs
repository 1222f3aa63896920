using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>x [.., M] + bias [M]. Fuse folds it into the linear layer before it.</summary>
public sealed class AddBias : Op
{
    public override string Name => "add_bias";

    public override bool Cheap => true;

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs[0].Last.Value == inputs.Rank(1, 1).Last.Value, "the bias must have the width of x");
        inputs.Require(inputs[0].DType == inputs[1].DType, "element types differ");
        return [inputs[0]];
    }

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override void Differentiate(GradientBuilder g)
    {
        g.Emit("bias_grad", Attributes.None, [g.OutputGradient, g.Prior(1)], 1);
        g.PassThrough(0);
    }

    public override KernelCall Lower(Inputs inputs) => new("AddBias", In(0), In(1), Out(0));

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

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [TensorType.Of(DType.F32, inputs[0].Last)];

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override KernelCall Lower(Inputs inputs) => new("LinearGradBias", In(0), Accumulate(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var dy = inputs[0];
        var db = inputs.Prior(1, dy.Last);
        for (var i = 0; i < dy.Data.Length; i++) db[i % dy.Last] += dy.Data[i];
        return [new(db, [dy.Last])];
    }
}
