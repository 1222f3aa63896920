using ModelCompiler.Compiler.Graphs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// Draws <c>kept</c> of the <c>tokens</c> of each of <c>batch</c> sequences: their indices in ascending order, int64 [B, K]. They
/// follow from the step, the layer and <c>site</c>, so a recomputation repeats them.
/// </summary>
public sealed class DrawTokens : Op
{
    public const string OpName = "draw_tokens";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (tokens, kept) = (inputs.Attributes.Long("tokens"), inputs.Attributes.Long("kept"));
        inputs.Require(kept >= 1 && kept <= tokens, "kept must be from 1 to tokens");
        return [TensorType.Of(DType.I64, new Dim("B", inputs.Attributes.Long("batch")), new Dim("K", kept))];
    }

    public override KernelCall Lower(Inputs inputs) => new(
        "DrawTokens", $"MaskSeed(layer, {inputs.Attributes.Long("site")})", "B", inputs.Attributes.Long("tokens"), KernelArgument.Out(0));

    /// <summary>The reference keeps tokens at even distances, so that tests can see which were dropped.</summary>
    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (batch, tokens, kept) = (inputs.Attributes.Int("batch"), inputs.Attributes.Long("tokens"), inputs.Attributes.Long("kept"));
        return [new([.. Enumerable.Range(0, batch).SelectMany(_ => Enumerable.Range(0, (int)kept).Select(k => (double)(k * tokens / kept)))], [batch, kept])];
    }
}
