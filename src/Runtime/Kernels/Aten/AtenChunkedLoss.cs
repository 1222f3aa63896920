using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Output head and cross-entropy by libtorch's kernels, some rows at a time, on any device.</summary>
internal static class AtenChunkedLoss
{
    public static void Run(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, Tensor chunk, ChunkedLoss.Gradients? gradients, Tensor loss, Tensor losses,
        Tensor? accuracy = null)
    {
        using var scope = NewDisposeScope();
        var (rows, most, counted) = (x.size(0), chunk.size(0), new CountedRows(targets, losses.numel()));
        var (nats, hits) = (empty([rows], ScalarType.Float32, x.device), empty([rows], ScalarType.Bool, x.device));
        for (var first = 0L; first < rows; first += most)
        {
            using var pass = NewDisposeScope();
            var count = Math.Min(most, rows - first);
            var (input, logits) = (x.narrow(0, first, count), chunk.narrow(0, 0, count));
            AtenLinears.Linear(input, weight, bias, logits);
            var wide = logits.to(ScalarType.Float32);
            var lse = wide.logsumexp(-1, keepdim: true);
            var picked = counted.Pick(wide, first);
            nats.narrow(0, first, count).copy_(lse.view(-1) - picked);
            hits.narrow(0, first, count).copy_(picked == wide.amax([-1]));
            if (gradients is not { } into) continue;

            logits.copy_(counted.Gradient(wide, lse, weights, into.Scale, first));
            var accumulate = into.Accumulate || first > 0;
            if (into.DWeight is { } dWeight) AtenLinears.LinearGradWeight(logits, input, accumulate, dWeight);
            if (into.DBias is not null) AtenLinears.LinearGradBias(logits, accumulate, into.DBias);
            AtenLinears.LinearGradInput(logits, weight, into.Dx.narrow(0, first, count));
        }

        counted.Write(nats * counted.Counts, weights, loss, losses);
        accuracy?.copy_(counted.Share(hits));
    }
}
