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

    /// <summary>Rows of negative target do not count, nor does a sequence of them; what the others get right is told.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void RowsThatDoNotCount(ScalarType type, bool aten)
    {
        const long C = 24, Rows = 8;
        var targets = Oracle.Integers(2, V, B, T);
        targets.view(-1)[..9] = tensor(-100L);
        targets[2, 3] = tensor(-1L);
        var (x, weight) = (Oracle.Normal(1, type, B * T, C), Oracle.Normal(3, type, V, C));
        var logits = x.to(ScalarType.Float32).matmul(weight.to(ScalarType.Float32).transpose(0, 1)).to(type);
        targets[1, 5] = logits.to(ScalarType.Float64).argmax(1).view(B, T)[1, 5]; // one hit at least
        var counts = targets.ge(0).to(ScalarType.Float64);
        Tensor Nats(Tensor scores) => nn.functional.cross_entropy(scores, targets.view(-1).clamp_min(0), reduction: nn.Reduction.None).view(B, T) * counts;
        var (value, gradients) = Oracle.Differentiate(i => Nats(i[0]).sum() / counts.sum(), null, logits);
        var bySequence = Nats(logits.to(ScalarType.Float64)).sum(1) / counts.sum(1).clamp_min(1);
        var hits = (logits.to(ScalarType.Float64).argmax(1).view(B, T).eq(targets).to(ScalarType.Float64) * counts).sum() / counts.sum();

        var (loss, losses, lse, accuracy) = (
            Oracle.Unwritten(ScalarType.Float32), Oracle.Unwritten(ScalarType.Float32, B), Oracle.Unwritten(ScalarType.Float32, B * T), Oracle.Unwritten(ScalarType.Float32));
        if (aten) AtenLosses.CrossEntropy(logits, targets, null, loss, losses, lse, accuracy);
        else Kernels.CrossEntropy(logits, targets, null, loss, losses, lse, accuracy);
        Oracle.Close(value, loss, "loss");
        Oracle.Close(bySequence, losses, "losses");
        Oracle.Close(hits, accuracy, "accuracy");
        var dLogits = Oracle.Unwritten(type, B * T, V);
        if (aten) AtenLosses.CrossEntropyGrad(logits, targets, lse, null, dLogits, 2);
        else Kernels.CrossEntropyGrad(logits, targets, lse, null, dLogits, 2);
        Oracle.Close(gradients[0] * 2, dLogits, "dLogits");

        var (chunk, dx, dWeight) = (Oracle.Unwritten(type, Rows, V), Oracle.Unwritten(type, B * T, C), Oracle.Unwritten(ScalarType.Float32, V, C));
        var (chunked, chunkGradients) = Oracle.Differentiate(i => Nats(i[0].matmul(i[1].transpose(0, 1))).sum() / counts.sum(), null, x, weight);
        if (aten) AtenChunkedLoss.Run(x, weight, null, targets, null, chunk, new ChunkedLoss.Gradients(dx, dWeight, null, false, 1), loss, losses, accuracy);
        else Kernels.LinearCrossEntropyGrad(x, weight, null, targets, null, false, chunk, dx, dWeight, null, loss, losses, accuracy);
        Oracle.Close(chunked, loss, "chunked loss", Loose(type));
        Oracle.Close(bySequence, losses, "chunked losses", Loose(type));
        Oracle.Close(hits, accuracy, "chunked accuracy");
        Oracle.Close(chunkGradients[0], dx, "dx", Loose(type) * 2);
        Oracle.Close(chunkGradients[1], dWeight, "dWeight", Loose(type));
    }

    [Fact]
    public void ATargetOutsideTheVocabularyThrows() => Assert.ThrowsAny<Exception>(
        () => Kernels.CrossEntropy(zeros(1, 5), tensor([5L]), null, zeros([]), zeros(1), zeros(1)));
}
