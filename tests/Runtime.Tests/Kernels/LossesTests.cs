using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

public sealed class LossesTests : KernelTest
{
    [Theory]
    [MemberData(nameof(Cases))]
    public void CrossEntropyAndItsGradient(ScalarType type, bool aten)
    {
        const long B = 3, T = 7, V = 67;
        var (logits, targets) = (Oracle.Normal(1, type, B * T, V).mul_(4), Oracle.Integers(2, V, B, T));
        var (value, gradients) = Oracle.Differentiate(i => nn.functional.cross_entropy(i[0], targets.view(-1)), null, logits);
        var (loss, lse, dLogits) = (Oracle.Unwritten(ScalarType.Float32), Oracle.Unwritten(ScalarType.Float32, B * T), Oracle.Unwritten(type, B * T, V));
        (aten ? AtenLosses.CrossEntropy : (Action<Tensor, Tensor, Tensor, Tensor>)Kernels.CrossEntropy)(logits, targets, loss, lse);
        Oracle.Close(value, loss, "loss");
        Oracle.Close(logits.to(ScalarType.Float64).logsumexp(-1), lse, "lse");
        var gradient = aten ? AtenLosses.CrossEntropyGrad : (Action<Tensor, Tensor, Tensor, Tensor>)Kernels.CrossEntropyGrad;
        gradient(logits, targets, lse, dLogits);
        Oracle.Close(gradients[0], dLogits, "dLogits");
        gradient(logits, targets, lse, logits);
        Oracle.Close(gradients[0], logits, "in place");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(5)]
    public void ATargetOutsideTheVocabularyThrows(long target) => Assert.ThrowsAny<Exception>(
        () => Kernels.CrossEntropy(zeros(1, 5), tensor([target]), zeros([]), zeros(1)));
}
