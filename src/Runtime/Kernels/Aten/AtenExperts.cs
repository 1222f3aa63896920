using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>Routing by libtorch's kernels, on any device; sums are fp32.</summary>
internal static class AtenExperts
{
    public static void Route(
        Tensor logits, int k, long limit, Tensor gates, Tensor probabilities, Tensor slots, Tensor sources, Tensor offsets)
    {
        using var scope = NewDisposeScope();
        var (rows, experts) = (logits.size(0), logits.size(1));
        probabilities.copy_(logits.softmax(-1));
        var (top, chosen) = probabilities.topk(k);
        gates.copy_(k == 1 ? top : top / top.sum(-1, keepdim: true));

        // All first choices before the second ones.
        var (expertOf, order) = chosen.t().reshape(-1).sort(0, stable: true);
        var counts = chosen.reshape(-1).bincount(null, experts);
        var rank = arange(rows * k, ScalarType.Int64, logits.device) - (counts.cumsum(0) - counts).index_select(0, expertOf);
        var taken = counts.clamp(max: limit);
        offsets.zero_();
        offsets.narrow(0, 1, experts).copy_(taken.cumsum(0));
        var kept = rank < limit;
        var row = offsets.index_select(0, expertOf) + rank;
        var choice = (order.remainder(rows) * k) + order.div(rows, RoundingMode.floor);
        slots.view(-1).scatter_(0, choice, where(kept, row, full_like(row, -1)));
        sources.fill_(-1);
        sources.view(-1).scatter_(0, row.masked_select(kept), choice.masked_select(kept));
    }

    public static void RouteGrad(Tensor dGates, Tensor probabilities, int k, double balance, Tensor dLogits)
    {
        using var scope = NewDisposeScope();
        var (rows, experts) = (probabilities.size(0), probabilities.size(1));
        var (top, chosen) = probabilities.topk(k);
        var sum = top.sum(-1, keepdim: true);
        var dTop = k == 1 ? dGates : (dGates - (dGates * top / sum).sum(-1, keepdim: true)) / sum;
        var pull = chosen.reshape(-1).bincount(null, experts).to(ScalarType.Float32) * (balance * experts / ((double)rows * rows * k));
        var dp = pull.expand(rows, experts).scatter_add(1, chosen, dTop);
        dLogits.copy_(probabilities * (dp - (dp * probabilities).sum(-1, keepdim: true)));
    }

    public static void Dispatch(Tensor x, Tensor sources, Tensor rows)
    {
        using var scope = NewDisposeScope();
        rows.copy_(Positions(x, sources)).masked_fill_(sources.view(-1, 1) < 0, 0);
    }

    /// <param name="gates">Null for ones.</param>
    public static void Combine(Tensor rows, Tensor? gates, Tensor slots, Tensor y)
    {
        using var scope = NewDisposeScope();
        var picked = Picked(rows, slots);
        y.copy_((gates is null ? picked : picked * gates.unsqueeze(-1)).sum(1));
    }

    public static void CombineGrad(Tensor dy, Tensor rows, Tensor gates, Tensor slots, Tensor sources, Tensor dRows, Tensor dGates)
    {
        using var scope = NewDisposeScope();
        dGates.copy_((Picked(rows, slots) * dy.to(ScalarType.Float32).unsqueeze(1)).sum(-1));
        var gate = gates.view(-1).index_select(0, sources.view(-1).clamp(min: 0)).unsqueeze(1);
        dRows.copy_(Positions(dy, sources).to(ScalarType.Float32) * gate).masked_fill_(sources.view(-1, 1) < 0, 0);
    }

    /// <summary>The position of each row, [N·k, C]; the first one's where there is none.</summary>
    private static Tensor Positions(Tensor x, Tensor sources) =>
        x.index_select(0, sources.view(-1).clamp(min: 0).div(sources.size(1), RoundingMode.floor));

    /// <summary>The row of each choice, fp32 [N, k, C]; zeros where it was dropped.</summary>
    private static Tensor Picked(Tensor rows, Tensor slots) => rows.index_select(0, slots.view(-1).clamp(min: 0)).to(ScalarType.Float32)
        .view(slots.size(0), slots.size(1), rows.size(1)).masked_fill(slots.unsqueeze(-1) < 0, 0);
}
