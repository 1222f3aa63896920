using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// x [B, T, C], rows [B, K, C], indices int64 [B, K] → x with the rows in the places of these tokens. DropTokens places it, forward and
/// backward.
/// </summary>
public sealed class ScatterTokens : Op
{
    public const string OpName = "scatter_tokens";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (x, rows, indices) = (inputs.Rank(0, 3), inputs.Rank(1, 3), inputs.Rank(2, 2));
        inputs.Require(rows.Shape[1].Value == indices.Shape[1].Value && rows.Last.Value == x.Last.Value && rows.DType == x.DType, "the rows must be [B, K, C] of x's type");
        return [x];
    }

    public override KernelCall Lower(Inputs inputs) => new("ScatterTokens", In(0), In(1), In(2), "B", Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (rows, indices) = (inputs[1], inputs[2]);
        var y = inputs[0] with { Data = (double[])inputs[0].Data.Clone() };
        for (var row = 0; row < rows.Rows; row++)
            System.Array.Copy(rows.Data, row * y.Last, y.Data, ((row / (int)rows.Shape[1] * (int)y.Shape[1]) + (int)indices.Data[row]) * y.Last, y.Last);
        return [y];
    }
}
