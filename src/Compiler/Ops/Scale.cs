using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>x times the constant <c>factor</c>; its own gradient.</summary>
public sealed class Scale : Op
{
    public override string Name => "scale";

    public override bool ByRows => true;

    public override bool Cheap => true;

    public override bool InPlace(int input) => true;

    public override IReadOnlyList<Graphs.TensorType> Infer(Inputs inputs) => [inputs[0]];

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override void Differentiate(GradientBuilder g) => g.Emit(Name, g.Attributes, [g.OutputGradient], 0);

    public override void Linearize(TangentBuilder t) => t.Emit(0, Name, t.Attributes, t.Tangent(0));

    public override KernelCall Lower(Inputs inputs) => new("Scale", In(0), inputs.Attributes.Double("factor"), Out(0));

    public override OnnxCall? Export(Inputs inputs) => new("Scale", In(0), inputs.Attributes.Double("factor"));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) =>
        [inputs[0] with { Data = inputs[0].Data.Select(v => v * inputs.Attributes.Double("factor")).ToArray() }];
}
