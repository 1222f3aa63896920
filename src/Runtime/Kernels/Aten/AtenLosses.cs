using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Losses by libtorch's kernels, on any device.</summary>
internal static class AtenLosses
{
    public static void CrossEntropy(Tensor logits, Tensor targets, Tensor? weights, Tensor loss, Tensor losses, Tensor lse)
    {
        using var scope = NewDisposeScope();
        var wide = logits.to(ScalarType.Float32);
        lse.copy_(wide.logsumexp(-1).view_as(lse));
        var picked = wide.gather(-1, targets.view(-1, 1)).view(-1);
        losses.copy_((lse.view(-1) - picked).view(losses.size(0), -1).mean([1]));
        loss.copy_((weights is null ? losses : losses * weights).mean());
    }

    public static void ErrorNorm(Tensor logits, Tensor targets, Tensor lse, Tensor errors)
    {
        using var scope = NewDisposeScope();
        var error = (logits.to(ScalarType.Float32) - lse.view(-1, 1)).exp_();
        var index = targets.view(-1, 1);
        error.scatter_add_(-1, index, full_like(index, -1, ScalarType.Float32));
        errors.copy_(error.pow_(2).sum(-1).sqrt_().view(errors.size(0), -1).mean([1]));
    }

    public static void CrossEntropyGrad(Tensor logits, Tensor targets, Tensor lse, Tensor? weights, Tensor dLogits, double scale)
    {
        using var scope = NewDisposeScope();
        var gradient = (logits.to(ScalarType.Float32) - lse.view(-1, 1)).exp_();
        var index = targets.view(-1, 1);
        gradient.scatter_add_(-1, index, full_like(index, -1, ScalarType.Float32));
        var rows = logits.size(0);
        if (weights is not null) gradient.mul_(weights.repeat_interleave(rows / weights.size(0)).view(-1, 1));
        dLogits.copy_(gradient.mul_(scale / rows));
    }
}
