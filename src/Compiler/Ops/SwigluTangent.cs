using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>The tangent of <see cref="Swiglu"/>: dx, x [.., 2M] → silu′(gate) · dgate · up + silu(gate) · dup [.., M].</summary>
public sealed class SwigluTangent : Op
{
    public const string OpName = "swiglu_tangent";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => new Swiglu().Infer(inputs);

    public override long Flops(Inputs inputs) => 8 * inputs[0].Elements;

    public override KernelCall Lower(Inputs inputs) => new("SwigluTangent", In(0), In(1), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dx, x, m, silu) = (inputs[0].Data, inputs[1].Data, inputs[1].Last / 2, new Silu());
        var y = ReferenceTensor.Zeros([.. inputs[1].Shape.Take(inputs[1].Shape.Length - 1), m]);
        for (var i = 0; i < y.Data.Length; i++)
        {
            var (gate, up) = ((i / m * 2 * m) + (i % m), (i / m * 2 * m) + m + (i % m));
            y.Data[i] = (silu.Derivative(x[gate]) * dx[gate] * x[up]) + (silu.Function(x[gate]) * dx[up]);
        }
        return [y];
    }
}

/// <summary>The tangent of <see cref="SwigluGrad"/>: tangents of dy and x; dy [.., M], x [.., 2M] → [.., 2M].</summary>
public sealed class SwigluGradTangent : Op
{
    public const string OpName = "swiglu_grad_tangent";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[3]];

    public override long Flops(Inputs inputs) => 12 * inputs[3].Elements;

    public override KernelCall Lower(Inputs inputs) => new("SwigluGradTangent", In(0), In(1), In(2), In(3), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (ddy, dx, dy, x) = (inputs[0].Data, inputs[1].Data, inputs[2].Data, inputs[3].Data);
        var (m, result, silu) = (inputs[2].Last, inputs[3].Like(), new Silu());
        for (var i = 0; i < dy.Length; i++)
        {
            var (gate, up) = ((i / m * 2 * m) + (i % m), (i / m * 2 * m) + m + (i % m));
            var slope = silu.Derivative(x[gate]);
            result.Data[gate] = (ddy[i] * x[up] * slope) + (dy[i] * dx[up] * slope) + (dy[i] * x[up] * silu.SecondDerivative(x[gate]) * dx[gate]);
            result.Data[up] = (ddy[i] * silu.Function(x[gate])) + (dy[i] * slope * dx[gate]);
        }
        return [result];
    }
}
