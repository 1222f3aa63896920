using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// The heads of latent attention (DeepSeek-V2, 2024) packed for <see cref="Attention"/>: queries [.., H·D] and their rotated part
/// [.., H·R], keys and values [.., 2·H·D], the rotated part of all keys [.., R] → [.., 3·H·(D + R)]. A query or key is its D columns and
/// its R rotated ones; values are filled up with zeros, which <see cref="HeadColumns"/> takes off the mix.
/// </summary>
public sealed class LatentHeads : Op
{
    public override string Name => "latent_heads";

    public override bool Cheap => true;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var shape = LatentShape.Of(inputs);
        inputs.Require(
            inputs[1].Last.Value == shape.Heads * shape.Rope && inputs[2].Last.Value == 2L * shape.Heads * shape.Size,
            "the widths must be H·D, H·R, 2·H·D and R");
        return [inputs.Rank(0, 3).WithLast(Dim.Of(3L * shape.Heads * (shape.Size + shape.Rope)))];
    }

    public override void Differentiate(GradientBuilder g) => g.Emit(
        "latent_heads_grad", g.Attributes, [g.OutputGradient], 0, 1, 2, 3);

    public override KernelCall Lower(Inputs inputs) =>
        new("LatentHeads", In(0), In(1), In(2), In(3), inputs.Attributes.Long("heads"), Out(0));

    public override OnnxCall? Export(Inputs inputs) => new("LatentHeads", In(0), In(1), In(2), In(3), inputs.Attributes.Long("heads"));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var shape = LatentShape.Of(inputs.Attributes);
        var y = ReferenceTensor.Zeros(inputs[0].Shape[0], inputs[0].Shape[1], shape.Packed);
        shape.ForEach(inputs[0].Rows, (to, input, from) => y.Data[to] = inputs[input].Data[from]);
        return [y];
    }
}

/// <summary>The gradient of what <see cref="LatentHeads"/> packs → those of its four inputs.</summary>
public sealed class LatentHeadsGrad : Op
{
    public override string Name => "latent_heads_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) =>
        [.. LatentShape.Of(inputs.Attributes).Widths.Select(width => inputs.Rank(0, 3).WithLast(Dim.Of(width)))];

    public override long Flops(Inputs inputs)
    {
        var shape = LatentShape.Of(inputs.Attributes);
        return inputs[0].Rows * shape.Heads * shape.Rope;
    }

    public override KernelCall Lower(Inputs inputs) =>
        new("LatentHeadsGrad", In(0), inputs.Attributes.Long("heads"), Out(0), Out(1), Out(2), Out(3));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dy, shape) = (inputs[0], LatentShape.Of(inputs.Attributes));
        var gradients = shape.Widths.Select(width => ReferenceTensor.Zeros(dy.Shape[0], dy.Shape[1], width)).ToArray();
        shape.ForEach(dy.Rows, (from, input, to) => gradients[input].Data[to] += dy.Data[from]);
        return gradients;
    }
}

/// <summary>The sizes of latent attention, and where its packed columns come from.</summary>
/// <param name="Heads">H</param>
/// <param name="Size">Columns of a head without the rotated ones, D.</param>
/// <param name="Rope">Rotated columns, R.</param>
internal readonly record struct LatentShape(int Heads, int Size, int Rope)
{
    public long Packed => 3L * Heads * (Size + Rope);

    /// <summary>Of queries, their rotated part, keys and values, the rotated part of keys.</summary>
    public long[] Widths => [(long)Heads * Size, (long)Heads * Rope, 2L * Heads * Size, Rope];

    public static LatentShape Of(Attributes attributes) => new(attributes.Int("heads"), attributes.Int("size"), attributes.Int("rope"));

    public static LatentShape Of(Inputs inputs)
    {
        var shape = Of(inputs.Attributes);
        inputs.Require(inputs[0].Last.Value == (long)shape.Heads * shape.Size && inputs[3].Last.Value == shape.Rope, "queries are H·D wide, rotated keys R");
        return shape;
    }

    /// <summary>Each packed element that is not zero, and the input and its element that it comes from.</summary>
    public void ForEach(int rows, Action<int, int, int> each)
    {
        for (var row = 0; row < rows; row++)
            for (var part = 0; part < 3; part++)
                for (var head = 0; head < Heads; head++)
                {
                    var to = (((row * 3) + part) * Heads * (Size + Rope)) + (head * (Size + Rope));
                    for (var c = 0; c < Size; c++)
                        each(to + c, part == 0 ? 0 : 2, part == 0 ? (((row * Heads) + head) * Size) + c : (((((row * 2) + part - 1) * Heads) + head) * Size) + c);
                    for (var c = 0; c < Rope && part < 2; c++)
                        each(to + Size + c, part == 0 ? 1 : 3, part == 0 ? (((row * Heads) + head) * Rope) + c : (row * Rope) + c);
                }
    }
}
