using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// x [B, T, C], optional lengths [B] → one vector a sequence, [B, C]: with the attribute <c>mean</c> the mean over its tokens,
/// without padding where lengths are given, else the vector of its first token.
/// </summary>
public sealed class Pool : Op
{
    public override string Name => "pool";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var x = inputs.Rank(0, 3);
        if (inputs.Has(1)) inputs.Require(inputs.Rank(1, 1).Elements == x.Shape[0].Value, "lengths must be int64[B]");
        return [TensorType.Of(x.DType, x.Shape[0], x.Last)];
    }

    public override long Flops(Inputs inputs) => inputs.Attributes.Bool("mean") ? inputs[0].Elements : 0;

    // The gradient op reads x for its shape alone.
    public override void Differentiate(GradientBuilder g) => g.Emit("pool_grad", g.Attributes, [g.OutputGradient, g.Input(0), g.Input(1)], 0);

    public override KernelCall Lower(Inputs inputs) => new("Pool", In(0), In(1), Mean(inputs), Out(0));

    public override OnnxCall? Export(Inputs inputs) => new("Pool", In(0), Mean(inputs));

    internal static string Mean(Inputs inputs) => "mean: " + (inputs.Attributes.Bool("mean") ? "true" : "false");

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var x = inputs[0];
        var y = ReferenceTensor.Zeros(x.Shape[0], x.Last);
        ForEachTerm(x.Shape, inputs.Find(1), inputs.Attributes.Bool("mean"), (from, to, share) => y.Data[to] += share * x.Data[from]);
        return [y];
    }

    /// <summary>Each element of x that an element of y is made of, and its share.</summary>
    internal static void ForEachTerm(long[] shape, ReferenceTensor? lengths, bool mean, Action<int, int, double> visit)
    {
        var (batch, sequence, width) = ((int)shape[0], (int)shape[1], (int)shape[2]);
        for (var b = 0; b < batch; b++)
        {
            var count = !mean ? 1 : lengths is null ? sequence : (int)lengths.Data[b];
            for (var t = 0; t < count; t++)
                for (var c = 0; c < width; c++)
                    visit((((b * sequence) + t) * width) + c, (b * width) + c, 1.0 / count);
        }
    }
}

/// <summary>dy [B, C], x, optional lengths → dx [B, T, C].</summary>
public sealed class PoolGrad : Op
{
    public override string Name => "pool_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1]];

    public override long Flops(Inputs inputs) => inputs[1].Elements;

    public override KernelCall Lower(Inputs inputs) => new("PoolGrad", In(0), In(2), Pool.Mean(inputs), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, dx) = (inputs[0], inputs[1].Like());
        Pool.ForEachTerm(dx.Shape, inputs.Find(2), inputs.Attributes.Bool("mean"), (to, from, share) => dx.Data[to] += share * dy.Data[from]);
        return [dx];
    }
}
