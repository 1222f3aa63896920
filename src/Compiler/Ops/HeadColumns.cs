using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>x [.., H·A] → [.., H·B]: of each head its first columns, or all of them and zeros behind. Its gradient is the way back.</summary>
public sealed class HeadColumns : Op
{
    public override string Name => "head_columns";

    public override bool Cheap => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs[0].Last.Value == inputs.Attributes.Long("heads") * inputs.Attributes.Long("from"), "the width must be that of all heads");
        return [inputs[0].WithLast(Dim.Of(inputs.Attributes.Long("heads") * inputs.Attributes.Long("to")))];
    }

    public override void Differentiate(GradientBuilder g) => g.Emit(
        Name, Attributes.Of(("heads", g.Attributes.Long("heads")), ("from", g.Attributes.Long("to")), ("to", g.Attributes.Long("from"))), [g.OutputGradient], 0);

    public override KernelCall Lower(Inputs inputs) => new("HeadColumns", In(0), inputs.Attributes.Long("heads"), Out(0));

    public override OnnxCall? Export(Inputs inputs) =>
        inputs.Attributes.Long("to") < inputs.Attributes.Long("from") ? new("HeadColumns", In(0), inputs.Attributes.Long("heads"), inputs.Attributes.Long("to")) : null;

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, heads, from, to) = (inputs[0], inputs.Attributes.Int("heads"), inputs.Attributes.Int("from"), inputs.Attributes.Int("to"));
        var y = ReferenceTensor.Zeros([.. x.Shape.Take(x.Shape.Length - 1), heads * to]);
        for (var head = 0; head < x.Rows * heads; head++)
            System.Array.Copy(x.Data, head * from, y.Data, head * to, Math.Min(from, to));
        return [y];
    }
}
