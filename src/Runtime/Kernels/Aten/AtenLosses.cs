using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Losses by libtorch's kernels, on any device.</summary>
internal static class AtenLosses
{
    public static void CrossEntropy(Tensor logits, Tensor targets, Tensor loss, Tensor lse)
    {
        using var scope = NewDisposeScope();
        var wide = logits.to(ScalarType.Float32);
        lse.copy_(wide.logsumexp(-1));
        var picked = wide.gather(-1, targets.view(-1, 1)).view(-1);
        loss.copy_((lse - picked).mean());
    }

    public static void CrossEntropyGrad(Tensor logits, Tensor targets, Tensor lse, Tensor dLogits)
    {
        using var scope = NewDisposeScope();
        var gradient = (logits.to(ScalarType.Float32) - lse.unsqueeze(-1)).exp_();
        var index = targets.view(-1, 1);
        gradient.scatter_add_(-1, index, full_like(index, -1, ScalarType.Float32));
        dLogits.copy_(gradient.div_(logits.shape[0]));
    }
}
