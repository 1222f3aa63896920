using ModelCompiler.ModelDsl;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Output head, cross-entropy and divergence from a teacher by libtorch's kernels, some rows at a time, on any device.</summary>
internal static class AtenDistillation
{
    public static void Run(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor? weights, Tensor chunk, in ChunkedLoss.Gradients into, Tensor loss, Tensor losses,
        Tensor? accuracy, in Distilled distilled)
    {
        using var scope = NewDisposeScope();
        var (rows, most, counted) = (x.size(0), chunk.size(0), new CountedRows(targets, losses.numel()));
        var (nats, hits) = (empty([rows], ScalarType.Float32, x.device), empty([rows], ScalarType.Bool, x.device));
        var total = zeros([], ScalarType.Float32, x.device);
        for (var first = 0L; first < rows; first += most)
        {
            using var pass = NewDisposeScope();
            var count = Math.Min(most, rows - first);
            var (input, logits) = (x.narrow(0, first, count), chunk.narrow(0, 0, count));
            AtenLinears.Linear(input, weight, bias, logits);
            var left = distilled.Teacher.Fill(logits, null, distilled.Chunk, first, count);
            var (wide, taught) = (logits.to(ScalarType.Float32), distilled.Chunk.narrow(0, 0, count).to(ScalarType.Float32));
            if (left is not null) taught = taught + left.to(ScalarType.Float32);
            var lse = wide.logsumexp(-1, keepdim: true);
            var picked = counted.Pick(wide, first);
            nats.narrow(0, first, count).copy_(lse.view(-1) - picked);
            hits.narrow(0, first, count).copy_(picked == wide.amax([-1]));

            var plain = counted.Gradient(wide, lse, weights, into.Scale * (1 - distilled.Share), first);
            var (distance, slope) = Divergence(wide, taught, distilled.Divergence);
            var factors = counted.Factors(weights, first, count);
            total.add_((distance * factors.view(-1)).sum());
            logits.copy_(plain + (slope * factors * (into.Scale * distilled.Share * distilled.Factor)));
            var accumulate = into.Accumulate || first > 0;
            if (into.DWeight is { } dWeight) AtenLinears.LinearGradWeight(logits, input, accumulate, dWeight);
            if (into.DBias is not null) AtenLinears.LinearGradBias(logits, accumulate, into.DBias);
            AtenLinears.LinearGradInput(logits, weight, into.Dx.narrow(0, first, count));
        }

        distilled.Distance.copy_(total);
        counted.Write(nats * counted.Counts, weights, loss, losses);
        accuracy?.copy_(counted.Share(hits));
    }

    /// <summary>τ² · D of each row [rows], and its gradient by the student's logits [rows, V].</summary>
    private static (Tensor Value, Tensor Gradient) Divergence(Tensor logits, Tensor taught, Divergence divergence)
    {
        var (kind, temperature, beta) = divergence;
        var (q, p) = (F.log_softmax(logits / temperature, -1), F.log_softmax(taught / temperature, -1));
        if (kind == DivergenceKind.ForwardKl)
            return ((p.exp() * (p - q)).sum(-1) * (temperature * temperature), (q.exp() - p.exp()) * temperature);
        var towards = kind == DivergenceKind.ReverseKl ? p : logaddexp(p + Math.Log(beta), q + Math.Log(1 - beta));
        var reverse = (q.exp() * (q - towards)).sum(-1, keepdim: true);
        var share = kind == DivergenceKind.ReverseKl ? 1 : 1 - beta;
        var value = reverse.view(-1) * share;
        if (kind == DivergenceKind.JensenShannon) value = value + ((p.exp() * (p - towards)).sum(-1) * beta);
        return (value * (temperature * temperature), q.exp() * (q - towards - reverse) * (share * temperature));
    }
}
