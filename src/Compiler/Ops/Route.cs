using ModelCompiler.Compiler.Graphs;
using static ModelCompiler.Compiler.Ops.KernelArgument;

namespace ModelCompiler.Compiler.Ops;

/// <summary>
/// Logits [B, T, E] → what sends each position to its top-k experts: gates fp32 [B, T, k], the softmax over all experts fp32 [B, T, E],
/// and the order of rows sorted by expert: the row of each choice, or −1 where its expert is full, [B, T, k]; the choice of each row, or
/// −1 where there is none, [B, T, k]; where the rows of each expert begin and end [E + 1]. Gates are the probabilities of the chosen,
/// divided by their sum (Mixtral, Jiang et al. 2024), for k = 1 as they are (Switch, Fedus et al. 2021), or nothing would train the router.
/// With a capacity an expert takes that many times its even share in training: first choices before second ones, in the order of
/// positions (GShard, Lepikhin et al. 2020). With a balance the gradient is also that of the load-balancing loss, see
/// <see cref="RouteGrad"/>.
/// </summary>
public sealed class Route : Op
{
    public override string Name => "route";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs)
    {
        var (logits, k) = (inputs.Rank(0, 3), inputs.Attributes.Long("top_k"));
        inputs.Require(k >= 1 && k <= logits.Last.Value, "top_k must not exceed the number of experts");
        var choices = logits.WithLast(Dim.Of(k)).With(DType.I64);
        return
        [
            choices.With(DType.F32), logits.With(DType.F32), choices, choices, TensorType.Of(DType.I64, Dim.Of(logits.Last.Value + 1)),
        ];
    }

    public override long Flops(Inputs inputs) => 5 * inputs[0].Elements;

    public override void Differentiate(GradientBuilder g) => g.Emit("route_grad", g.Attributes, [g.OutputGradient, g.Output(1)], 0);

    public override KernelCall Lower(Inputs inputs)
    {
        var k = inputs.Attributes.Long("top_k");
        KernelArgument capacity = inputs.Attributes.Has("capacity")
            ? $"Capacity({((KernelArgument)inputs.Attributes.Double("capacity")).Text})"
            : 0L;
        KernelCall Call(KernelArgument limit) => new("Route", In(0), k, limit, Out(0), Out(1), Out(2), Out(3), Out(4));
        return Call(capacity) with { Cached = Call(0L) };
    }

    public override OnnxCall? Export(Inputs inputs) => new("Route", In(0), inputs.Attributes.Long("top_k")) { Results = 5 };

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var logits = inputs[0];
        var (n, experts, k) = (logits.Rows, logits.Last, inputs.Attributes.Int("top_k"));
        var probabilities = Softmax(logits);
        var chosen = Chosen(probabilities, k);
        var choices = ReferenceTensor.Zeros([.. logits.Shape.Take(logits.Shape.Length - 1), k]);
        var (gates, slots, sources) = (choices.Like(), choices.Like(), choices.Like());
        for (var t = 0; t < n; t++)
        {
            var sum = k == 1 ? 1 : chosen[t].Sum(e => probabilities.Data[(t * experts) + e]);
            for (var c = 0; c < k; c++) gates.Data[(t * k) + c] = probabilities.Data[(t * experts) + chosen[t][c]] / sum;
        }

        var limit = inputs.Attributes.Has("capacity") ? Math.Ceiling(inputs.Attributes.Double("capacity") * n * k / experts) : n * k;
        var taken = Enumerable.Range(0, experts).Select(_ => new List<int>()).ToList();
        for (var i = 0; i < n * k; i++) (slots.Data[i], sources.Data[i]) = (-1, -1);
        for (var c = 0; c < k; c++)
            for (var t = 0; t < n; t++)
                if (taken[chosen[t][c]].Count < limit) taken[chosen[t][c]].Add((t * k) + c);
        var offsets = ReferenceTensor.Zeros(experts + 1);
        var row = 0;
        for (var e = 0; e < experts; e++)
        {
            foreach (var choice in taken[e]) (slots.Data[choice], sources.Data[row]) = (row++, choice);
            offsets.Data[e + 1] = row;
        }
        return [gates, probabilities, slots, sources, offsets];
    }

    internal static ReferenceTensor Softmax(ReferenceTensor logits)
    {
        var (result, width) = (logits.Like(), logits.Last);
        for (var r = 0; r < logits.Rows; r++)
        {
            var row = logits.Data.Skip(r * width).Take(width).ToArray();
            var sum = row.Sum(v => Math.Exp(v - row.Max()));
            for (var e = 0; e < width; e++) result.Data[(r * width) + e] = Math.Exp(row[e] - row.Max()) / sum;
        }
        return result;
    }

    /// <summary>The k most probable experts of each row, the most probable first.</summary>
    internal static List<int[]> Chosen(ReferenceTensor probabilities, int k) => Enumerable.Range(0, probabilities.Rows)
        .Select(r => Enumerable.Range(0, probabilities.Last).OrderByDescending(e => probabilities.Data[(r * probabilities.Last) + e]).Take(k).ToArray())
        .ToList();
}

/// <summary>
/// dgates [B, T, k], probabilities [B, T, E] → dlogits fp32 [B, T, E], with the gradient of balance · E · Σₑ fₑ Pₑ, where fₑ is the share
/// of choices that fall on expert e, before any is dropped, and Pₑ its mean probability (Fedus et al. 2021). fₑ has no gradient.
/// </summary>
public sealed class RouteGrad : Op
{
    public override string Name => "route_grad";

    public override IReadOnlyList<TensorType> Infer(Inputs inputs) => [inputs[1]];

    public override long Flops(Inputs inputs) => 8 * inputs[1].Elements;

    public override KernelCall Lower(Inputs inputs)
    {
        var balance = ((KernelArgument)inputs.Attributes.Double("balance")).Text;
        return new(
            "RouteGrad", In(0), In(1), inputs.Attributes.Long("top_k"), inputs.Attributes.Has("scaled") ? $"{balance} * LossGradient" : balance, Out(0));
    }

    public override IReadOnlyList<ReferenceTensor> Evaluate(ReferenceInputs inputs)
    {
        var (dGates, p) = (inputs[0], inputs[1]);
        var (n, experts, k) = (p.Rows, p.Last, dGates.Last);
        var (chosen, result) = (Route.Chosen(p, k), p.Like());
        var shares = new double[experts];
        foreach (var e in chosen.SelectMany(c => c)) shares[e] += 1.0 / (n * k);
        for (var t = 0; t < n; t++)
        {
            // The gradient by probabilities: of gates that are divided by their sum, and of the load-balancing loss.
            var dp = shares.Select(f => inputs.Attributes.Double("balance") * experts * f / n).ToArray();
            var sum = chosen[t].Sum(e => p.Data[(t * experts) + e]);
            var dot = Enumerable.Range(0, k).Sum(c => dGates.Data[(t * k) + c] * p.Data[(t * experts) + chosen[t][c]] / sum);
            for (var c = 0; c < k; c++)
                dp[chosen[t][c]] += k == 1 ? dGates.Data[t] : (dGates.Data[(t * k) + c] - dot) / sum;
            var mean = Enumerable.Range(0, experts).Sum(e => dp[e] * p.Data[(t * experts) + e]);
            for (var e = 0; e < experts; e++) result.Data[(t * experts) + e] = p.Data[(t * experts) + e] * (dp[e] - mean);
        }
        return [result];
    }
}
