using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>x in another element type; its gradient is cast back. PlacePrecision puts it between layers of different precision.</summary>
public sealed class Cast : Op
{
    public override string Name => "cast";

    public override bool ByRows => true;

    public override bool Cheap => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs[0].DType == DTypes.Parse(inputs.Attributes.String("from")), "x must have the type to cast from");
        return [inputs[0].With(DTypes.Parse(inputs.Attributes.String("to")))];
    }

    public override void Differentiate(GradientBuilder g) =>
        g.Emit(Name, Between(g.Attributes.String("to"), g.Attributes.String("from")), [g.OutputGradient], 0);

    public override KernelCall Lower(Inputs inputs) => new("Cast", In(0), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs) => [inputs[0]];

    /// <summary>The attributes of a cast.</summary>
    public static Attributes Between(string from, string to) => Attributes.Of(("from", from), ("to", to));
}
