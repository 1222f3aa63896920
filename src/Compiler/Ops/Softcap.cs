using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>c · tanh(x / c): values that stay within ±c (Gemma 2, 2024).</summary>
public sealed class Softcap : Op
{
    public override string Name => "softcap";

    public override bool Cheap => true;

    public override bool InPlace(int input) => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs.Attributes.Double("cap") > 0, "the cap must be positive");
        return [inputs[0]];
    }

    public override long Flops(Inputs inputs) => 8 * inputs[0].Elements;

    public override void Differentiate(GradientBuilder g) => g.Emit("softcap_grad", g.Attributes, [g.OutputGradient, g.Output(0)], 0);

    public override void Linearize(TangentBuilder t) => t.Emit(0, "softcap_grad", t.Attributes, t.Tangent(0), t.Output(0));

    public override KernelCall Lower(Inputs inputs) => new("Softcap", In(0), inputs.Attributes.Double("cap"), Out(0));

    public override OnnxCall? Export(Inputs inputs) => new("Softcap", In(0), inputs.Attributes.Double("cap"));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var cap = inputs.Attributes.Double("cap");
        return [inputs[0] with { Data = inputs[0].Data.Select(x => cap * Math.Tanh(x / cap)).ToArray() }];
    }
}

/// <summary>dy, y → dx = dy · (1 − (y / c)²).</summary>
public sealed class SoftcapGrad : Op
{
    public override string Name => "softcap_grad";

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[0]];

    public override long Flops(Inputs inputs) => 4 * inputs[0].Elements;

    public override void Linearize(TangentBuilder t)
    {
        var cap = t.Attributes.Double("cap");
        var product = t.Emit(0, "multiply", Attributes.None, t.Emit(0, "multiply", Attributes.None, t.Input(0), t.Input(1)), t.Tangent(1));
        var bent = t.Emit(0, "scale", Attributes.Of(("factor", -2 / (cap * cap))), product);
        t.Emit(0, "add", Attributes.None, t.Emit(0, Name, t.Attributes, t.Tangent(0), t.Input(1)), bent);
    }

    public override KernelCall Lower(Inputs inputs) => new("SoftcapGrad", In(0), In(1), inputs.Attributes.Double("cap"), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (y, cap) = (inputs[1].Data, inputs.Attributes.Double("cap"));
        return [inputs[0] with { Data = inputs[0].Data.Select((dy, i) => dy * (1 - (y[i] * y[i] / (cap * cap)))).ToArray() }];
    }
}
