using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// Segment-level recurrence (Transformer-XL, Dai et al. 2019): x [B, T, C] → what the layer had as x at the M positions
/// before, [B, M, C], and the first position that each query sees, i64 [B, T], counted from the memory's first. It keeps x
/// for the next segment, which sees it when this step is over: a recomputation gives and keeps the same. No gradient flows
/// into the memory. <c>site</c> is the layer's number in the program's memory.
/// </summary>
public sealed class Recall : Op
{
    public override string Name => "recall";

    public override bool Cheap => true;

    public override bool IsData => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var x = inputs.Rank(0, 3);
        return
        [
            TensorType.Of(x.DType, x.Shape[0], new Dim("M", inputs.Attributes.Long("memory")), x.Last),
            TensorType.Of(DType.I64, x.Shape[0], x.Shape[1]),
        ];
    }

    public override KernelCall Lower(Inputs inputs) => new("Recall", In(0), "memory", inputs.Attributes.Long("site"), "layer", Out(0), Out(1));

    /// <summary>The reference has no earlier segment: the memory is empty.</summary>
    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (x, memory) = (inputs[0], inputs.Attributes.Long("memory"));
        var first = Enumerable.Range(0, (int)(x.Shape[0] * x.Shape[1]))
            .Select(i => inputs.Attributes.Bool("same_length") ? Math.Max(memory, (i % x.Shape[1]) + 1) : memory);
        return [ReferenceTensor.Zeros(x.Shape[0], memory, x.Last), new(first.Select(i => (double)i).ToArray(), [x.Shape[0], x.Shape[1]])];
    }
}
