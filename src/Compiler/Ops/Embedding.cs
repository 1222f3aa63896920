using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>tokens [B, T], weight [V, C] → rows of the weight [B, T, C].</summary>
public sealed class Embedding : Op
{
    public override string Name => "embedding";

    public override bool Cheap => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (tokens, weight) = (inputs.Rank(0, 2), inputs.Rank(1, 2));
        inputs.Require(tokens.DType == DType.I64, "tokens are int64");
        return [TensorType.Of(weight.DType, tokens.Shape[0], tokens.Shape[1], weight.Last)];
    }

    public override void Differentiate(GradientBuilder g) => g.Emit(
        "embedding_grad", Attributes.Of(("rows", g.Attributes.Long("rows"))), [g.OutputGradient, g.Input(0), g.Prior(1)], 1);

    public override void Linearize(TangentBuilder t) => t.Emit(0, Name, t.Attributes, t.Input(0), t.Tangent(1));

    public override KernelCall Lower(Inputs inputs) => new("Embedding", In(0), In(1), Out(0));

    public override OnnxCall? Export(Inputs inputs) =>
        new("Embedding", In(0), In(1));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (tokens, weight) = (inputs[0], inputs[1]);
        var y = ReferenceTensor.Zeros(tokens.Shape[0], tokens.Shape[1], weight.Last);
        for (var i = 0; i < tokens.Data.Length; i++)
            System.Array.Copy(weight.Data, (int)tokens.Data[i] * weight.Last, y.Data, i * weight.Last, weight.Last);
        return [y];
    }
}

/// <summary>dy [B, T, C], tokens [B, T] → fp32 [rows, C], added to the optional third input.</summary>
public sealed class EmbeddingGrad : Op
{
    public override string Name => "embedding_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) =>
        [TensorType.Of(DType.F32, Dim.Of(inputs.Attributes.Long("rows")), inputs.Rank(0, 3).Last)];

    public override long Flops(Inputs inputs) => inputs[0].Elements;

    public override void Linearize(TangentBuilder t) => t.Emit(0, Name, t.Attributes, t.Tangent(0), t.Input(1), t.Tangent(2));

    public override KernelCall Lower(Inputs inputs) => new("EmbeddingGrad", In(0), In(1), Accumulate(2), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, tokens, rows) = (inputs[0], inputs[1], inputs.Attributes.Long("rows"));
        var width = dy.Last;
        var dw = inputs.Prior(2, (int)rows * width);
        for (var i = 0; i < tokens.Data.Length; i++)
            for (var c = 0; c < width; c++)
                dw[((int)tokens.Data[i] * width) + c] += dy.Data[(i * width) + c];
        return [new(dw, [rows, width])];
    }
}
