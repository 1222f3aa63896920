using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class LossesTests : KernelTest
{
    private const long B = 3, T = 7, V = 67;

    [Theory]
    [MemberData(nameof(Cases))]
    public void CrossEntropyAndItsGradient(ScalarType type, bool aten)
    {
        var (logits, targets) = (Oracle.Normal(1, type, B * T, V).mul_(4), Oracle.Integers(2, V, B, T));
        var (value, gradients) = Oracle.Differentiate(i => nn.functional.cross_entropy(i[0], targets.view(-1)), null, logits);
        Check(type, aten, logits, targets, null, 1, value, gradients[0]);
    }

    /// <summary>The loss of each sequence counts as its weight says; zero leaves it out.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void WeightedCrossEntropy(ScalarType type, bool aten)
    {
        var (logits, targets, weights) = (Oracle.Normal(1, type, B * T, V).mul_(4), Oracle.Integers(2, V, B, T), tensor(new[] { 2f, 0f, 0.5f }));
        var (value, gradients) = Oracle.Differentiate(
            i => (nn.functional.cross_entropy(i[0], targets.view(-1), reduction: nn.Reduction.None).view(B, T).mean([1]) * weights).mean(), null, logits);
        Check(type, aten, logits, targets, weights, 8, value, gradients[0] * 8);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void ErrorsOfSequences(ScalarType type)
    {
        var (logits, targets) = (Oracle.Normal(1, type, B * T, V).mul_(4), Oracle.Integers(2, V, B, T));
        var wide = logits.to(ScalarType.Float64);
        var errors = Oracle.Unwritten(ScalarType.Float32, B);
        Kernels.ErrorNorm(logits, targets, wide.logsumexp(-1).to(ScalarType.Float32), errors);
        var expected = (wide.softmax(-1) - nn.functional.one_hot(targets.view(-1), V)).norm(1).view(B, T).mean([1]);
        Oracle.Close(expected, errors, "errors");
    }

    /// <summary>Chunks that end within sequences, the last of them short; gradients that are added to; the input's into the input.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void HeadAndCrossEntropyInChunks(ScalarType type, bool aten)
    {
        const long C = 24, Rows = 8;
        var (x, weight, bias) = (Oracle.Normal(1, type, B * T, C), Oracle.Normal(2, type, V, C).mul_(0.3), Oracle.Normal(3, type, V));
        var (targets, weights) = (Oracle.Integers(4, V, B, T), tensor(new[] { 2f, 0f, 0.5f }));
        Tensor BySequence(Tensor[] i) =>
            nn.functional.cross_entropy(nn.functional.linear(i[0], i[1], i[2]), targets.view(-1), reduction: nn.Reduction.None).view(B, T).mean([1]);
        var (value, gradients) = Oracle.Differentiate(i => (BySequence(i) * weights).mean(), null, x, weight, bias);
        var expected = BySequence([x.to(ScalarType.Float64), weight.to(ScalarType.Float64), bias.to(ScalarType.Float64)]);

        var (loss, losses, chunk) = (Oracle.Unwritten(ScalarType.Float32), Oracle.Unwritten(ScalarType.Float32, B), Oracle.Unwritten(type, Rows, V));
        if (aten) AtenChunkedLoss.Run(x, weight, bias, targets, weights, chunk, null, loss, losses);
        else Kernels.LinearCrossEntropy(x, weight, bias, targets, weights, chunk, loss, losses);
        Oracle.Close(value, loss, "loss", Loose(type));
        Oracle.Close(expected, losses, "losses", Loose(type));

        var (dWeight, dBias) = (ones(V, C), ones(V));
        var into = new ChunkedLoss.Gradients(x, dWeight, dBias, Accumulate: true, Scale: 8);
        if (aten) AtenChunkedLoss.Run(x, weight, bias, targets, weights, chunk, into, loss, losses);
        else Kernels.LinearCrossEntropyGrad(x, weight, bias, targets, weights, true, chunk, x, dWeight, dBias, loss, losses, 8);
        Oracle.Close(value, loss, "loss with gradients", Loose(type));
        Oracle.Close((gradients[1] * 8) + 1, dWeight, "dWeight", Loose(type));
        Oracle.Close((gradients[2] * 8) + 1, dBias, "dBias", Loose(type));
        Oracle.Close(gradients[0] * 8, x, "dx", Loose(type) * 2);
    }

    private static void Check(ScalarType type, bool aten, Tensor logits, Tensor targets, Tensor? weights, double scale, Tensor value, Tensor expected)
    {
        var (loss, losses, lse) = (
            Oracle.Unwritten(ScalarType.Float32), Oracle.Unwritten(ScalarType.Float32, B), Oracle.Unwritten(ScalarType.Float32, B * T));
        if (aten) AtenLosses.CrossEntropy(logits, targets, weights, loss, losses, lse);
        else Kernels.CrossEntropy(logits, targets, weights, loss, losses, lse);
        var wide = logits.to(ScalarType.Float64);
        Oracle.Close(value, loss, "loss");
        Oracle.Close(wide.logsumexp(-1), lse, "lse");
        Oracle.Close((lse - wide.gather(1, targets.view(-1, 1)).view(-1)).view(B, T).mean([1]), losses, "losses");

        var dLogits = Oracle.Unwritten(type, B * T, V);
        foreach (var into in new[] { dLogits, logits })
        {
            if (aten) AtenLosses.CrossEntropyGrad(logits, targets, lse, weights, into, scale);
            else Kernels.CrossEntropyGrad(logits, targets, lse, weights, into, scale);
            Oracle.Close(expected, into, "dLogits");
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(5)]
    public void ATargetOutsideTheVocabularyThrows(long target) => Assert.ThrowsAny<Exception>(
        () => Kernels.CrossEntropy(zeros(1, 5), tensor([target]), null, zeros([]), zeros(1), zeros(1)));
}
