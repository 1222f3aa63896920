using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Output head and cross-entropy by libtorch's kernels, some rows at a time, on any device.</summary>
internal static class AtenChunkedLoss
{
    public static void Run(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, Tensor chunk, ChunkedLoss.Gradients? gradients, Tensor loss, Tensor losses)
    {
        using var scope = NewDisposeScope();
        var (rows, most, batch) = (x.size(0), chunk.size(0), losses.numel());
        var factors = weights?.repeat_interleave(rows / batch).view(-1, 1);
        var nats = empty([rows], ScalarType.Float32, x.device);
        for (var first = 0L; first < rows; first += most)
        {
            using var pass = NewDisposeScope();
            var count = Math.Min(most, rows - first);
            var (input, logits, index) = (x.narrow(0, first, count), chunk.narrow(0, 0, count), targets.view(-1, 1).narrow(0, first, count));
            AtenLinears.Linear(input, weight, bias, logits);
            var wide = logits.to(ScalarType.Float32);
            var lse = wide.logsumexp(-1, keepdim: true);
            nats.narrow(0, first, count).copy_((lse - wide.gather(1, index)).view(-1));
            if (gradients is not { } into) continue;

            var gradient = (wide - lse).exp_();
            gradient.scatter_add_(1, index, full_like(index, -1, ScalarType.Float32));
            if (factors is not null) gradient.mul_(factors.narrow(0, first, count));
            logits.copy_(gradient.mul_(into.Scale / rows));
            var accumulate = into.Accumulate || first > 0;
            AtenLinears.LinearGradWeight(logits, input, accumulate, into.DWeight);
            if (into.DBias is not null) AtenLinears.LinearGradBias(logits, accumulate, into.DBias);
            AtenLinears.LinearGradInput(logits, weight, into.Dx.narrow(0, first, count));
        }

        losses.copy_(nats.view(batch, -1).mean([1]));
        loss.copy_((weights is null ? losses : losses * weights).mean());
    }
}
