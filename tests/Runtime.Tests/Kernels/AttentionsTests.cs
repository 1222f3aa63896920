using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class AttentionsTests : KernelTest
{
    public static TheoryData<ScalarType, int, int, int, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<ScalarType, int, int, int, int, int>();
            foreach (var type in new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16 })
            {
                data.Add(type, 2, 33, 4, 4, 16);
                data.Add(type, 3, 64, 6, 2, 32);
                data.Add(type, 1, 1, 2, 1, 8);
                data.Add(type, 2, 70, 3, 1, 10);
            }

            return data;
        }
    }

    /// <summary>Causal or not, with a window or without, with capped scores or without.</summary>
    private static readonly AttentionMask[] Masks =
        [AttentionMask.Plain, new(false, 0, 0), new(true, 1, 0), new(true, 7, 0), new(true, 500, 0), new(true, 0, 2), new(true, 20, 1.5), new(false, 0, 1.5)];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void ByEachLowering(ScalarType type, int batch, int sequence, int heads, int kvHeads, int d)
    {
        foreach (var mask in Masks)
        {
            var shape = new AttentionShape(batch, sequence, heads, kvHeads, d, mask);
            foreach (var lowering in AttentionLowerings.For(DeviceType.CPU, type, shape).Append(new AtenAttention()))
            {
                Check(
                    (qkv, y, lse) => lowering.Forward(qkv, shape, y, lse),
                    (dy, qkv, y, lse, dqkv) => lowering.Backward(dy, qkv, y, lse, shape, dqkv),
                    shape, type, $"{lowering.Name}{mask}");
            }
        }
    }

    [Fact]
    public void ShapesThatDoNotFitAreNamed()
    {
        var exception = Assert.Throws<ArgumentException>(
            () => Kernels.Attention(zeros(6, 20), 2, 3, 4, 3, zeros(6, 8), zeros(2, 4, 3)));
        Assert.Contains("[6, 20] do not fit B 2, T 3, H 4, Hkv 3", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void ByTheChosenLowering(ScalarType type, int batch, int sequence, int heads, int kvHeads, int d)
    {
        foreach (var mask in new[] { AttentionMask.Plain, new(true, 7, 1.5) })
        {
            Check(
                (qkv, y, lse) => Kernels.Attention(qkv, batch, sequence, heads, kvHeads, y, lse, mask.Causal, mask.Window, mask.Softcap),
                (dy, qkv, y, lse, dqkv) => Kernels.AttentionGrad(
                    dy, qkv, y, lse, batch, sequence, heads, kvHeads, dqkv, mask.Causal, mask.Window, mask.Softcap),
                new(batch, sequence, heads, kvHeads, d, mask), type, "chosen");
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32, false)]
    [InlineData(ScalarType.Float32, true)]
    [InlineData(ScalarType.BFloat16, false)]
    [InlineData(ScalarType.BFloat16, true)]
    [InlineData(ScalarType.Float16, false)]
    [InlineData(ScalarType.Float16, true)]
    public void RopeAndItsGradient(ScalarType type, bool aten)
    {
        const int B = 2, T = 9, H = 4, Kv = 2, D = 12;
        const long Width = (H + (2 * Kv)) * D;
        var (x, dy) = (Oracle.Normal(1, type, B * T, Width), Oracle.Normal(2, type, B * T, Width));
        var (value, gradients) = Oracle.Differentiate(i => Rotate(i[0], B, T, H, Kv, 100, 0), dy, x);
        var (y, dx) = (Oracle.Unwritten(type, B * T, Width), Oracle.Unwritten(type, B * T, Width));
        if (aten) AtenRope.Rotate(x, B, T, H, Kv, 100, 0, inverse: false, y, default);
        else Kernels.Rope(x, B, T, H, Kv, 100, y);
        Oracle.Close(value, y);
        if (aten) AtenRope.Rotate(dy, B, T, H, Kv, 100, 0, inverse: true, dx, default);
        else Kernels.RopeGrad(dy, B, T, H, Kv, 100, dx);
        Oracle.Close(gradients[0], dx, "dx");
        if (aten) AtenRope.Rotate(x, B, T, H, Kv, 100, 0, inverse: false, x, default);
        else Kernels.Rope(x, B, T, H, Kv, 100, x);
        Oracle.Close(value, x, "in place");
    }

    /// <summary>Rows of given positions are rotated as in the whole sequence: to the bit by our kernel.</summary>
    [Theory]
    [InlineData(ScalarType.Float32, false, 0)]
    [InlineData(ScalarType.BFloat16, false, 0)]
    [InlineData(ScalarType.Float32, true, 1e-6)]
    public void RopeOfPositionsIsThatOfTheSequence(ScalarType type, bool aten, double tolerance)
    {
        const int B = 2, T = 40, H = 4, Kv = 2, D = 12;
        const long Width = (H + (2 * Kv)) * D;
        var x = Oracle.Normal(1, type, B * T, Width);
        var positions = tensor(new long[] { 3, 7, 39, 0, 1, 20 });
        var rows = tensor(new long[] { 3, 7, 39, 40, 41, 60 });
        foreach (var inverse in new[] { false, true })
        {
            var whole = Oracle.Unwritten(type, B * T, Width);
            if (inverse) Kernels.RopeGrad(x, B, T, H, Kv, 100, whole);
            else Kernels.Rope(x, B, T, H, Kv, 100, whole);
            var y = x.index_select(0, rows);
            if (aten) AtenRope.Rotate(y, 1, 6, H, Kv, 100, 0, inverse, y, default, positions);
            else if (inverse) Kernels.RopeGrad(y, positions, H, Kv, 100, y);
            else Kernels.Rope(y, positions, H, Kv, 100, y);
            Oracle.Close(whole.index_select(0, rows).to(ScalarType.Float64), y, tolerance: tolerance);
        }
    }

    [Fact]
    public void RopeAtStartsAtThePosition()
    {
        var x = Oracle.Normal(1, ScalarType.Float32, 3, 4 * 8);
        var y = zeros_like(x);
        Kernels.RopeAt(x, new([0], [5], [0]), 2, 1, 100, y);
        Oracle.Close(Rotate(x.to(ScalarType.Float64), 1, 3, 2, 1, 100, 5), y);
    }

    [Theory]
    [InlineData(ScalarType.Float32, 0, 0)]
    [InlineData(ScalarType.BFloat16, 0, 0)]
    [InlineData(ScalarType.Float16, 0, 0)]
    [InlineData(ScalarType.Float32, 4, 0)]
    [InlineData(ScalarType.Float32, 1, 1.5)]
    [InlineData(ScalarType.BFloat16, 4, 1.5)]
    public void CachedAttentionContinuesASequence(ScalarType type, int window, double softcap)
    {
        const int T = 13, H = 4, Kv = 2, D = 8;
        var qkv = Oracle.Normal(1, type, T, (H + (2 * Kv)) * D);
        var expected = Reference(qkv.to(ScalarType.Float64), new(1, T, H, Kv, D, new(true, window, softcap))).Value;
        var (keys, values) = (Oracle.Unwritten(type, Kv, 20, D), Oracle.Unwritten(type, Kv, 20, D));
        var position = 0;
        foreach (var rows in new[] { 5, 1, 1, 6 })
        {
            var y = Oracle.Unwritten(type, rows, H * D);
            Kernels.AttentionCached(qkv.narrow(0, position, rows), [keys], [values], new([0], [position], [0]), H, Kv, y, window, softcap);
            Oracle.Close(expected.narrow(0, position, rows), y, $"rows from {position}");
            position += rows;
        }
    }

    /// <summary>Products of queries and keys beyond fp16's largest number, 65504, which are in range once they are scaled.</summary>
    [Fact]
    public void Fp16ScoresAreScaledBeforeTheyAreRounded()
    {
        var shape = new AttentionShape(1, 8, 1, 1, 64);
        var qkv = full([8, 3 * 64], 40, ScalarType.Float16);
        foreach (var lowering in AttentionLowerings.For(DeviceType.CPU, ScalarType.Float16, shape).Append(new AtenAttention()))
        {
            var (y, lse) = (Oracle.Unwritten(ScalarType.Float16, 8, 64), Oracle.Unwritten(ScalarType.Float32, 1, 1, 8));
            lowering.Forward(qkv, shape, y, lse);
            Oracle.Close(full([8, 64], 40), y, lowering.Name);
        }
    }

    private static void Check(
        Action<Tensor, Tensor, Tensor> forward, Action<Tensor, Tensor, Tensor, Tensor, Tensor> backward,
        AttentionShape shape, ScalarType type, string name)
    {
        var (n, outputs) = ((long)shape.Batch * shape.Sequence, shape.Heads * shape.HeadWidth);
        var (qkv, dy) = (Oracle.Normal(1, type, n, shape.Width), Oracle.Normal(2, type, n, outputs));
        var expectedLse = Reference(qkv.to(ScalarType.Float64), shape).Lse;
        var (value, gradients) = Oracle.Differentiate(i => Reference(i[0], shape).Value, dy, qkv);
        var (y, lse, dqkv) = (
            Oracle.Unwritten(type, n, outputs), Oracle.Unwritten(ScalarType.Float32, shape.Batch, shape.Heads, shape.Sequence),
            Oracle.Unwritten(type, n, shape.Width));
        forward(qkv, y, lse);
        Oracle.Close(value, y, $"y, {name}");
        Oracle.Close(expectedLse, lse, $"lse, {name}", type == ScalarType.Float32 ? 2e-5 : 5e-3);
        backward(dy, qkv, y, lse, dqkv);
        Oracle.Close(gradients[0], dqkv, $"dqkv, {name}");
    }

    private static (Tensor Value, Tensor Lse) Reference(Tensor qkv, AttentionShape shape)
    {
        var (sequence, mask) = (shape.Sequence, shape.Mask);
        var all = qkv.view(shape.Batch, sequence, shape.Heads + (2 * shape.KvHeads), -1).transpose(1, 2);
        var q = all.narrow(1, 0, shape.Heads);
        var k = all.narrow(1, shape.Heads, shape.KvHeads).repeat_interleave(shape.Group, 1);
        var v = all.narrow(1, shape.Heads + shape.KvHeads, shape.KvHeads).repeat_interleave(shape.Group, 1);
        var scores = q.matmul(k.transpose(2, 3)) / Math.Sqrt(q.shape[3]);
        if (mask.Softcap > 0) scores = (scores / mask.Softcap).tanh() * mask.Softcap;
        var distance = arange(sequence).view(-1, 1) - arange(sequence).view(1, -1);
        var hidden = zeros(sequence, sequence, ScalarType.Bool);
        if (mask.Causal) hidden |= distance < 0;
        if (mask.Window > 0) hidden |= distance >= mask.Window;
        scores = scores.masked_fill(hidden, double.NegativeInfinity);
        return (scores.softmax(-1).matmul(v).transpose(1, 2).reshape(shape.Batch * sequence, -1), scores.logsumexp(-1));
    }

    private static Tensor Rotate(Tensor x, int batch, int sequence, int heads, int kvHeads, double theta, int position)
    {
        var all = x.view(batch, sequence, heads + (2 * kvHeads), -1);
        var half = all.shape[3] / 2;
        var parts = new List<Tensor>();
        for (var i = 0; i < half; i++)
        {
            var angle = (arange(sequence, ScalarType.Float64) + position) * Math.Pow(theta, -2.0 * i / (2 * half));
            parts.Add(angle.view(1, sequence, 1, 1));
        }

        var angles = cat(parts, 3);
        var rotated = all.narrow(2, 0, heads + kvHeads);
        var (a, b) = (rotated.narrow(3, 0, half), rotated.narrow(3, half, half));
        var turned = cat([(a * angles.cos()) - (b * angles.sin()), (b * angles.cos()) + (a * angles.sin())], 3);
        return cat([turned, all.narrow(2, heads + kvHeads, kvHeads)], 2).view(x.shape);
    }
}
