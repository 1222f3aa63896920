using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// Latent attention in inference (DeepSeek-V2, 2024): queries [B, T, H·D] and their rotated part [B, T, H·R], latents [B, T, K], the
/// rotated part of keys [B, T, R], the weight [2·H·D, K] that makes keys and values of latents → [B, T, H·D]. The cache holds latents and
/// rotated keys, K + R numbers for each token, and the weight is applied to queries and to mixes of latents instead. AbsorbKeys makes it.
/// </summary>
public sealed class LatentAttention : Op
{
    public const string OpName = "latent_attention";

    public override string Name => OpName;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var shape = LatentShape.Of(inputs);
        var (weight, latents) = (inputs.Rank(4, 2), inputs.Rank(2, 3));
        inputs.Require(weight.Shape[0].Value == 2L * shape.Heads * shape.Size && weight.Last.Value == latents.Last.Value, "the weight must be [2·H·D, K]");
        return [inputs[0]];
    }

    // As of the whole sequence, where keys and values are made once: what a token costs in training.
    public override long Flops(Inputs inputs)
    {
        var (shape, x) = (LatentShape.Of(inputs), inputs[0]);
        return (2 * x.Rows * inputs[4].Elements) + (2 * x.Rows * x.Shape[1].Value * shape.Heads * ((2L * shape.Size) + shape.Rope));
    }

    public override KernelCall Lower(Inputs inputs) =>
        new("LatentAttentionCached", In(0), In(1), In(2), In(3), In(4), "latents", "at", inputs.Attributes.Long("heads"), Out(0));

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var shape = LatentShape.Of(inputs.Attributes);
        var (batch, length) = ((int)inputs[0].Shape[0], (int)inputs[0].Shape[1]);
        var made = new Linear().Evaluate(ReferenceInputs.Of("linear", inputs[2], inputs[4]))[0];
        var y = inputs[0].Like();
        double At(int input, int row, int width, int column) => inputs[input].Data[(row * width) + column];
        for (var b = 0; b < batch; b++)
            for (var h = 0; h < shape.Heads; h++)
                for (var t = 0; t < length; t++)
                {
                    int query = (b * length) + t, size = shape.Size, all = shape.Heads * size;
                    var scores = Enumerable.Range(b * length, t + 1).Select(key =>
                        (Enumerable.Range(h * size, size).Sum(c => At(0, query, all, c) * made.Data[(key * 2 * all) + c])
                            + Enumerable.Range(0, shape.Rope).Sum(c => At(1, query, shape.Heads * shape.Rope, (h * shape.Rope) + c) * At(3, key, shape.Rope, c)))
                        / Math.Sqrt(size + shape.Rope)).ToArray();
                    var weights = scores.Select(score => Math.Exp(score - scores.Max())).ToArray();
                    for (var c = h * size; c < (h + 1) * size; c++)
                        y.Data[(query * all) + c] = weights.Select((weight, s) => weight * made.Data[(((b * length) + s) * 2 * all) + all + c]).Sum() / weights.Sum();
                }
        return [y];
    }
}
