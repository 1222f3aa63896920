using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime;

/// <summary>
/// Kernels of mixtures of experts (Shazeer et al. 2017). A position has k choices, choice n·k + c of position n; the rows of experts,
/// N·k of them, are sorted by expert, so that each expert's products read contiguous rows.
/// </summary>
public static partial class Kernels
{
    /// <summary>Logits of experts, x · weightᵀ, in fp32 whatever the type of x.</summary>
    /// <param name="x">[N, C]</param>
    /// <param name="weight">fp32 [E, C]</param>
    /// <param name="logits">fp32 [N, E]</param>
    public static void Router(Tensor x, Tensor weight, Tensor logits)
    {
        using var scope = NewDisposeScope();
        Linear(x.to(ScalarType.Float32), weight, null, logits);
    }

    /// <summary>The gradient of <see cref="Router"/>.</summary>
    /// <param name="dLogits">fp32 [N, E]</param>
    /// <param name="x">[N, C]</param>
    /// <param name="weight">fp32 [E, C]</param>
    /// <param name="accumulate">Add to <paramref name="dWeight"/>.</param>
    /// <param name="dx">As x.</param>
    /// <param name="dWeight">fp32 [E, C]</param>
    public static void RouterGrad(Tensor dLogits, Tensor x, Tensor weight, bool accumulate, Tensor dx, Tensor dWeight)
    {
        using var scope = NewDisposeScope();
        LinearGradWeight(dLogits, x.to(ScalarType.Float32), accumulate, dWeight);
        var wide = x.dtype == ScalarType.Float32 ? dx : empty(x.shape, ScalarType.Float32, x.device);
        LinearGradInput(dLogits, weight, wide);
        if (x.dtype != ScalarType.Float32) dx.copy_(wide);
    }

    /// <summary>
    /// Chooses the k most probable experts of each position and sorts the choices by expert. Gates are the probabilities of the
    /// chosen divided by their sum, for k = 1 as they are.
    /// </summary>
    /// <param name="logits">fp32 [N, E]</param>
    /// <param name="topK">k</param>
    /// <param name="capacity">
    /// An expert takes at most ⌈capacity · N · k / E⌉ choices, all first ones before the second ones, in the order of positions; the others
    /// are dropped (Lepikhin et al. 2020). 0 for no limit.
    /// </param>
    /// <param name="gates">fp32 [N, k]</param>
    /// <param name="probabilities">fp32 [N, E]</param>
    /// <param name="slots">int64 [N, k]: the row of each choice; −1 where it was dropped.</param>
    /// <param name="sources">int64 [N, k]: the choice of each row; −1 behind the last.</param>
    /// <param name="offsets">int64 [E + 1]: the first row of each expert, and the number of rows.</param>
    public static void Route(
        Tensor logits, int topK, double capacity, Tensor gates, Tensor probabilities, Tensor slots, Tensor sources, Tensor offsets)
    {
        var choices = logits.size(0) * topK;
        var limit = capacity > 0 ? (long)Math.Ceiling(capacity * choices / logits.size(1)) : choices;
        if (Cpu.Takes(logits)) CpuRoute.Forward(logits, topK, limit, gates, probabilities, slots, sources, offsets);
        else AtenExperts.Route(logits, topK, limit, gates, probabilities, slots, sources, offsets);
    }

    /// <summary>
    /// The gradient of <see cref="Route"/> by the gates, and of balance · E · Σₑ fₑ Pₑ, where fₑ is the share of all choices that fall on
    /// an expert and Pₑ its mean probability (Fedus et al. 2021).
    /// </summary>
    /// <param name="dGates">fp32 [N, k]</param>
    /// <param name="probabilities">fp32 [N, E]</param>
    /// <param name="topK">k</param>
    /// <param name="balance">Weight of the load-balancing loss.</param>
    /// <param name="dLogits">fp32 [N, E]</param>
    public static void RouteGrad(Tensor dGates, Tensor probabilities, int topK, double balance, Tensor dLogits)
    {
        if (Cpu.Takes(probabilities)) CpuRoute.Backward(dGates, probabilities, topK, balance, dLogits);
        else AtenExperts.RouteGrad(dGates, probabilities, topK, balance, dLogits);
    }

    /// <summary>The rows of experts: each a copy of its position's, zeros behind the last.</summary>
    /// <param name="x">[N, C]</param>
    /// <param name="sources">int64 [N, k]</param>
    /// <param name="rows">[N·k, C]</param>
    public static void Dispatch(Tensor x, Tensor sources, Tensor rows)
    {
        if (Cpu.Takes(x)) CpuExperts.Dispatch(x, sources, rows);
        else AtenExperts.Dispatch(x, sources, rows);
    }

    /// <summary>The gradient of <see cref="Dispatch"/>.</summary>
    /// <param name="dRows">[N·k, C]</param>
    /// <param name="slots">int64 [N, k]</param>
    /// <param name="dx">[N, C]</param>
    public static void DispatchGrad(Tensor dRows, Tensor slots, Tensor dx)
    {
        if (Cpu.Takes(dRows)) CpuExperts.Combine(dRows, null, slots, dx);
        else AtenExperts.Combine(dRows, null, slots, dx);
    }

    /// <summary>Each expert's rows times its own part of the weight; zeros behind the last.</summary>
    /// <param name="x">[N·k, K]</param>
    /// <param name="weight">[E·M, K]</param>
    /// <param name="offsets">int64 [E + 1]</param>
    /// <param name="y">[N·k, M]</param>
    public static void ExpertLinear(Tensor x, Tensor weight, Tensor offsets, Tensor y) =>
        ByExpert.Run(offsets, y, (first, count, expert) =>
            Linear(x.narrow(0, first, count), ByExpert.Part(weight, y.size(1), expert), null, y.narrow(0, first, count)));

    /// <summary>The gradient of <see cref="ExpertLinear"/> by x.</summary>
    /// <param name="dy">[N·k, M]</param>
    /// <param name="weight">[E·M, K]</param>
    /// <param name="offsets">int64 [E + 1]</param>
    /// <param name="dx">[N·k, K]</param>
    public static void ExpertLinearGradInput(Tensor dy, Tensor weight, Tensor offsets, Tensor dx) =>
        ByExpert.Run(offsets, dx, (first, count, expert) =>
            LinearGradInput(dy.narrow(0, first, count), ByExpert.Part(weight, dy.size(1), expert), dx.narrow(0, first, count)));

    /// <summary>The gradient of <see cref="ExpertLinear"/> by the weight; zero for an expert without rows.</summary>
    /// <param name="dy">[N·k, M]</param>
    /// <param name="x">[N·k, K]</param>
    /// <param name="offsets">int64 [E + 1]</param>
    /// <param name="accumulate">Add to <paramref name="dWeight"/>.</param>
    /// <param name="dWeight">fp32 [E·M, K]</param>
    public static void ExpertLinearGradWeight(Tensor dy, Tensor x, Tensor offsets, bool accumulate, Tensor dWeight)
    {
        if (!accumulate) dWeight.zero_();
        ByExpert.Run(offsets, null, (first, count, expert) =>
            LinearGradWeight(dy.narrow(0, first, count), x.narrow(0, first, count), accumulate, ByExpert.Part(dWeight, dy.size(1), expert)));
    }

    /// <summary>The sum over a position's choices of gate times row, without the dropped ones.</summary>
    /// <param name="rows">[N·k, C]</param>
    /// <param name="gates">fp32 [N, k]</param>
    /// <param name="slots">int64 [N, k]</param>
    /// <param name="y">[N, C]</param>
    public static void Combine(Tensor rows, Tensor gates, Tensor slots, Tensor y)
    {
        if (Cpu.Takes(rows)) CpuExperts.Combine(rows, gates, slots, y);
        else AtenExperts.Combine(rows, gates, slots, y);
    }

    /// <summary>The gradient of <see cref="Combine"/>.</summary>
    /// <param name="dy">[N, C]</param>
    /// <param name="rows">[N·k, C]</param>
    /// <param name="gates">fp32 [N, k]</param>
    /// <param name="slots">int64 [N, k]</param>
    /// <param name="sources">int64 [N, k]</param>
    /// <param name="dRows">[N·k, C]</param>
    /// <param name="dGates">fp32 [N, k]</param>
    public static void CombineGrad(Tensor dy, Tensor rows, Tensor gates, Tensor slots, Tensor sources, Tensor dRows, Tensor dGates)
    {
        if (Cpu.Takes(dy)) CpuExperts.CombineGrad(dy, rows, gates, sources, dRows, dGates);
        else AtenExperts.CombineGrad(dy, rows, gates, slots, sources, dRows, dGates);
    }
}
