using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>a + b, of one shape.</summary>
public sealed class Add : Op
{
    public override string Name => "add";

    public override bool Cheap => true;

    public override bool InPlace(int input) => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs[0].SameShape(inputs[1]) && inputs[0].DType == inputs[1].DType, "types differ");
        return [inputs[0]];
    }

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override void Differentiate(GradientBuilder g)
    {
        g.PassThrough(0);
        g.PassThrough(1);
    }

    public override KernelCall Lower(Inputs inputs) => new("Add", In(0), In(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
        [inputs[0] with { Data = inputs[0].Data.Zip(inputs[1].Data, (a, b) => a + b).ToArray() }];
}
