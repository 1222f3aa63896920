using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>x [.., 2M] = gate, up → silu(gate) · up [.., M] (Shazeer 2020).</summary>
public sealed class Swiglu : Op
{
    public override string Name => "swiglu";

    public override bool ByRows => true;

    public override bool Cheap => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var x = inputs[0];
        inputs.Require(x.Last.Value % 2 == 0, "the width must be even");
        return [x.WithLast(Dim.Of(x.Last.Value / 2))];
    }

    public override long Flops(Inputs inputs) => 5 * inputs[0].Elements;

    public override void Differentiate(GradientBuilder g) =>
        g.Emit("swiglu_grad", Attributes.None, [g.OutputGradient, g.Input(0)], 0);

    public override void Linearize(TangentBuilder t) => t.Emit(0, SwigluTangent.OpName, Attributes.None, t.Tangent(0), t.Input(0));

    public override KernelCall Lower(Inputs inputs) => new("Swiglu", In(0), Out(0));

    public override OnnxCall? Export(Inputs inputs) =>
        new("Swiglu", In(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var x = inputs[0];
        var m = x.Last / 2;
        var y = ReferenceTensor.Zeros([.. x.Shape.Take(x.Shape.Length - 1), m]);
        for (var i = 0; i < y.Data.Length; i++)
        {
            var gate = x.Data[(i / m * 2 * m) + (i % m)];
            y.Data[i] = gate * Silu.Sigmoid(gate) * x.Data[(i / m * 2 * m) + m + (i % m)];
        }
        return [y];
    }
}

/// <summary>dy [.., M], x [.., 2M] → dx [.., 2M].</summary>
public sealed class SwigluGrad : Op
{
    public override string Name => "swiglu_grad";

    public override bool ByRows => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1]];

    public override long Flops(Inputs inputs) => 8 * inputs[0].Elements;

    public override void Linearize(TangentBuilder t) =>
        t.Emit(0, SwigluGradTangent.OpName, Attributes.None, t.Tangent(0), t.Tangent(1), t.Input(0), t.Input(1));

    public override KernelCall Lower(Inputs inputs) => new("SwigluGrad", In(0), In(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, x) = (inputs[0], inputs[1]);
        var (m, dx, silu) = (dy.Last, x.Like(), new Silu());
        for (var i = 0; i < dy.Data.Length; i++)
        {
            var (gate, up) = ((i / m * 2 * m) + (i % m), (i / m * 2 * m) + m + (i % m));
            dx.Data[gate] = dy.Data[i] * x.Data[up] * silu.Derivative(x.Data[gate]);
            dx.Data[up] = dy.Data[i] * silu.Function(x.Data[gate]);
        }
        return [dx];
    }
}
