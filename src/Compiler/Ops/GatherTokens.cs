using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>x [B, T, C], indices int64 [B, K] → the rows of these tokens [B, K, C]. DropTokens places it, forward and backward.</summary>
public sealed class GatherTokens : Op
{
    public const string OpName = "gather_tokens";

    public override string Name => OpName;

    public override bool Cheap => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (x, indices) = (inputs.Rank(0, 3), inputs.Rank(1, 2));
        inputs.Require(indices.Shape[0].Value == x.Shape[0].Value && indices.Shape[1].Value <= x.Shape[1].Value, "the indices must be [B, K], K at most T");
        return [TensorType.Of(x.DType, x.Shape[0], indices.Shape[1], x.Last)];
    }

    public override KernelCall Lower(Inputs inputs) => new("GatherTokens", In(0), In(1), "B", Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, indices) = (inputs[0], inputs[1]);
        var kept = (int)indices.Shape[1];
        var y = ReferenceTensor.Zeros(x.Shape[0], kept, x.Last);
        for (var row = 0; row < y.Rows; row++)
            System.Array.Copy(x.Data, ((row / kept * (int)x.Shape[1]) + (int)indices.Data[row]) * x.Last, y.Data, row * x.Last, x.Last);
        return [y];
    }
}
