using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// Rotary position embedding of the queries and keys of packed heads (RoFormer, Su et al. 2021), in the half-split
/// pairing (i, i + D/2) of Llama checkpoints; values pass through. <c>inverse</c> turns the other way: the gradient. The rows
/// have the positions 0 to T - 1, or those of the optional second input, int64 [B, T].
/// </summary>
public sealed class Rope : Op
{
    public override string Name => "rope";

    public override bool Cheap => true;

    public override bool InPlace(int input) => input == 0;

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        inputs.Require(inputs.Rank(0, 3) is not null && PackedHeads.Of(inputs).Size % 2 == 0, "the head size must be even");
        return [inputs[0]];
    }

    public override long Flops(Inputs inputs)
    {
        var heads = PackedHeads.Of(inputs);
        return 3 * inputs[0].Rows * (heads.Heads + heads.KvHeads) * heads.Size;
    }

    public override void Differentiate(GradientBuilder g)
    {
        string[] positions = g.Input(1).Length > 0 ? [g.Input(1)] : [];
        g.Emit("rope", g.Attributes.With("inverse", !g.Attributes.Bool("inverse")), [g.OutputGradient, .. positions], 0);
    }

    public override void Linearize(TangentBuilder t)
    {
        string[] positions = t.Input(1).Length > 0 ? [t.Input(1)] : [];
        t.Emit(0, Name, t.Attributes, [t.Tangent(0), .. positions]);
    }

    public override KernelCall Lower(Inputs inputs)
    {
        var (heads, theta) = (PackedHeads.Of(inputs), inputs.Attributes.Double("theta"));
        var kernel = inputs.Attributes.Bool("inverse") ? "RopeGrad" : "Rope";
        var scaling = new RotaryFrequencies(inputs.Attributes).Arguments().ToArray();
        if (inputs.Has(1)) return new(kernel, [In(0), In(1), heads.Heads, heads.KvHeads, theta, Out(0), .. scaling]);
        return new(kernel, [In(0), "B", "T", heads.Heads, heads.KvHeads, theta, Out(0), .. scaling])
        {
            Cached = new("RopeAt", [In(0), "at", heads.Heads, heads.KvHeads, theta, Out(0), .. scaling]),
        };
    }

    public override OnnxCall? Export(Inputs inputs)
    {
        var (heads, scaling) = (PackedHeads.Of(inputs), new RotaryFrequencies(inputs.Attributes).Arguments());
        return inputs.Has(1) ? null : new("Rope", [In(0), heads.Heads, heads.KvHeads, inputs.Attributes.Double("theta"), .. scaling]);
    }

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var x = inputs[0];
        var (heads, y) = (PackedHeads.Of(inputs.Attributes, x.Last), (double[])x.Data.Clone());
        var (frequencies, half) = (new RotaryFrequencies(inputs.Attributes), heads.Size / 2);
        for (var row = 0; row < x.Rows; row++)
            for (var head = 0; head < heads.Heads + heads.KvHeads; head++)
                for (var i = 0; i < half; i++)
                {
                    var position = inputs.Has(1) ? inputs[1].Data[row] : row % x.Shape[1];
                    var angle = position * frequencies.At(i, heads.Size) * (inputs.Attributes.Bool("inverse") ? -1 : 1);
                    var a = (row * heads.Width) + (head * heads.Size) + i;
                    y[a] = frequencies.Magnitude * ((x.Data[a] * Math.Cos(angle)) - (x.Data[a + half] * Math.Sin(angle)));
                    y[a + half] = frequencies.Magnitude * ((x.Data[a] * Math.Sin(angle)) + (x.Data[a + half] * Math.Cos(angle)));
                }
        return [new(y, x.Shape)];
    }
}
