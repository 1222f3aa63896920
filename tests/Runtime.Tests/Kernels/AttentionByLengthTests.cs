using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class AttentionByLengthTests : KernelTest
{
    /// <summary>Each sequence is what it would be alone, and its padding is zero.</summary>
    [Theory]
    [InlineData(ScalarType.Float32, false)]
    [InlineData(ScalarType.Float32, true)]
    [InlineData(ScalarType.BFloat16, false)]
    [InlineData(ScalarType.Float16, false)]
    public void SequencesAreAsTheyWouldBeAlone(ScalarType type, bool causal)
    {
        const int T = 12, H = 4, Hkv = 2, D = 8, Width = (H + (2 * Hkv)) * D;
        int[] lengths = [12, 1, 7];
        var (qkv, dy) = (Oracle.Normal(1, type, 3 * T, Width), Oracle.Normal(2, type, 3 * T, H * D));
        var (y, lse, dqkv) = (Oracle.Unwritten(type, 3 * T, H * D), Oracle.Unwritten(ScalarType.Float32, 3, H, T), Oracle.Unwritten(type, 3 * T, Width));
        Kernels.AttentionByLength(qkv, lengths, T, H, Hkv, y, lse, causal);
        Kernels.AttentionGradByLength(dy, qkv, y, lse, lengths, T, H, Hkv, dqkv, causal);
        for (var b = 0; b < lengths.Length; b++)
        {
            var n = lengths[b];
            var (rows, gradient) = (qkv.narrow(0, b * T, n), dy.narrow(0, b * T, n));
            var (value, gradients) = Oracle.Differentiate(i => Attend(i[0], n, causal), gradient, rows);
            Oracle.Close(value, y.narrow(0, b * T, n), $"y of {n}");
            Oracle.Close(gradients[0], dqkv.narrow(0, b * T, n), $"dqkv of {n}", Loose(type) * 2);
            Assert.Equal(0, y.narrow(0, (b * T) + n, T - n).abs().sum().to(ScalarType.Float32).item<float>());
            Assert.Equal(0, dqkv.narrow(0, (b * T) + n, T - n).abs().sum().to(ScalarType.Float32).item<float>());
        }

        Tensor Attend(Tensor packed, int n, bool isCausal)
        {
            var heads = packed.view(n, H + (2 * Hkv), D).transpose(0, 1);
            var q = heads.narrow(0, 0, H);
            var (k, v) = (heads.narrow(0, H, Hkv).repeat_interleave(H / Hkv, 0), heads.narrow(0, H + Hkv, Hkv).repeat_interleave(H / Hkv, 0));
            var scores = q.matmul(k.transpose(1, 2)) / Math.Sqrt(D);
            if (isCausal) scores = scores.masked_fill(ones(n, n, ScalarType.Bool).triu(1), double.NegativeInfinity);
            return scores.softmax(-1).matmul(v).transpose(0, 1).reshape(n, H * D);
        }
    }
}
