using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Losses by libtorch's kernels, on any device. Rows of negative target do not count.</summary>
internal static class AtenLosses
{
    public static void CrossEntropy(Tensor logits, Tensor targets, Tensor? weights, Tensor loss, Tensor losses, Tensor lse, Tensor? accuracy = null)
    {
        using var scope = NewDisposeScope();
        var wide = logits.to(ScalarType.Float32);
        var rows = new CountedRows(targets, losses.numel());
        lse.copy_(wide.logsumexp(-1).view_as(lse));
        var picked = rows.Pick(wide);
        rows.Write((lse.view(-1) - picked) * rows.Counts, weights, loss, losses);
        accuracy?.copy_(rows.Share(picked == wide.amax([-1])));
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
        var rows = new CountedRows(targets, weights?.size(0) ?? 1);
        dLogits.copy_(rows.Gradient(logits.to(ScalarType.Float32), lse.view(-1, 1), weights, scale));
    }

    public static void CrossEntropyGradTangent(Tensor dLogits, Tensor logits, Tensor targets, Tensor lse, Tensor? weights, Tensor result)
    {
        using var scope = NewDisposeScope();
        var rows = new CountedRows(targets, weights?.size(0) ?? 1);
        var probabilities = (logits - lse.view(-1, 1)).exp_();
        var moved = probabilities * (dLogits - (probabilities * dLogits).sum(-1, keepdim: true));
        result.copy_(moved.mul_(rows.Factors(weights, 0, logits.size(0))));
    }

    public static void SquaredError(Tensor predicted, Tensor wanted, Tensor loss, Tensor losses)
    {
        using var scope = NewDisposeScope();
        var (difference, counts) = Difference(predicted, wanted);
        var (squares, rows) = (difference.mul_(difference).view(losses.size(0), -1).sum([1L]), counts.view(losses.size(0), -1).sum([1L]));
        losses.copy_(squares / rows.clamp_min(1));
        loss.copy_(squares.sum() / rows.sum().clamp_min(1));
    }

    public static void SquaredErrorGrad(Tensor predicted, Tensor wanted, Tensor result)
    {
        using var scope = NewDisposeScope();
        var (difference, counts) = Difference(predicted, wanted);
        result.copy_(difference.mul_(2 / counts.sum().clamp_min(1)));
    }

    public static void SquaredErrorGradTangent(Tensor dPredicted, Tensor wanted, Tensor result)
    {
        using var scope = NewDisposeScope();
        var counts = wanted.isnan().logical_not().to(ScalarType.Float32);
        result.copy_(dPredicted * counts * (2 / counts.sum().clamp_min(1)));
    }

    /// <summary>Predicted less wanted, zero where nothing is wanted; 1 where something is, else 0.</summary>
    private static (Tensor Difference, Tensor Counts) Difference(Tensor predicted, Tensor wanted)
    {
        var missing = wanted.isnan();
        return ((predicted - wanted).masked_fill_(missing, 0), missing.logical_not().to(ScalarType.Float32));
    }
}

/// <summary>The rows of a loss, of which some do not count.</summary>
/// <param name="targets">int64, N elements.</param>
/// <param name="batch">Sequences, B.</param>
internal sealed class CountedRows(Tensor targets, long batch)
{
    private readonly Tensor _index = targets.view(-1, 1).clamp_min(0);

    /// <summary>fp32 [N]: 1 for a row that counts, 0 for another.</summary>
    public Tensor Counts { get; } = targets.view(-1).ge(0).to(ScalarType.Float32);

    /// <summary>fp32 []: their number, at least 1.</summary>
    public Tensor Number => Counts.sum().clamp_min(1);

    /// <summary>The logits of the targets, [N].</summary>
    public Tensor Pick(Tensor logits, long first = 0) => logits.gather(-1, _index.narrow(0, first, logits.size(0))).view(-1);

    /// <summary>The share of the counted rows of which something holds.</summary>
    public Tensor Share(Tensor holds) => (holds.to(ScalarType.Float32) * Counts).sum() / Number;

    /// <summary>The loss and that of each sequence, of the nats of the rows, 0 where they do not count.</summary>
    public void Write(Tensor nats, Tensor? weights, Tensor loss, Tensor losses)
    {
        var sums = nats.view(batch, -1).sum([1]);
        losses.copy_(sums / Counts.view(batch, -1).sum([1]).clamp_min(1));
        loss.copy_((weights is null ? sums : sums * weights).sum() / Number);
    }

    /// <summary>What the loss of some rows counts in the mean, [rows, 1]: 0 for those that do not count.</summary>
    public Tensor Factors(Tensor? weights, long first, long count)
    {
        var factors = Counts.view(-1, 1).narrow(0, first, count) / Number;
        return weights is null ? factors : factors * weights.repeat_interleave(_index.size(0) / batch).view(-1, 1).narrow(0, first, count);
    }

    /// <summary>(softmax − one-hot) · weight · scale / number of some rows, zero where they do not count.</summary>
    public Tensor Gradient(Tensor logits, Tensor lse, Tensor? weights, double scale, long first = 0)
    {
        var count = logits.size(0);
        var factors = Factors(weights, first, count) * scale;
        var index = _index.narrow(0, first, count);
        var gradient = (logits - lse).exp_();
        return gradient.scatter_add_(-1, index, full_like(index, -1, ScalarType.Float32)).mul_(factors);
    }
}
