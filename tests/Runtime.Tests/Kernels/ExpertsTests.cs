using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests;

/// <summary>A mixture of linear experts through all its kernels, against the same written densely in double precision.</summary>
public sealed class ExpertsTests : KernelTest
{
    private const int N = 23, C = 36, E = 5, M = 21;
    private const double Balance = 0.7;

    [Theory]
    [MemberData(nameof(Cases))]
    public void AMixtureAndItsGradients(ScalarType type, bool aten)
    {
        foreach (var (k, capacity) in new[] { (1, 0.0), (2, 0.0), (2, 1.0), (3, 0.4), (E, 2.0) })
        {
            var (x, weight, dy) = (Oracle.Normal(1, type, N, C), Oracle.Normal(2, type, E * M, C), Oracle.Normal(3, type, N, M));
            var router = Oracle.Normal(4, ScalarType.Float32, E, C).mul_(0.3);
            var value = Reference(x.to(ScalarType.Float64), router.to(ScalarType.Float64), weight.to(ScalarType.Float64), k, capacity).Y;
            var (_, gradients) = Oracle.Differentiate(
                i =>
                {
                    var (y, auxiliary) = Reference(i[0], i[1], i[2], k, capacity);
                    return (y * dy.to(ScalarType.Float64)).sum() + (Balance * auxiliary);
                },
                null, x, router, weight);

            var (actual, dx, dRouter, dWeight) = Run(x, router, weight, dy, k, capacity, aten);
            var name = $"top {k} of {E}, capacity {capacity}";
            Oracle.Close(value, actual, $"y, {name}");
            Oracle.Close(gradients[0], dx, $"dx, {name}");
            Oracle.Close(gradients[1], dRouter, $"dRouter, {name}", Math.Max(Loose(type), 1e-4));
            Oracle.Close(gradients[2], dWeight, $"dWeight, {name}", Loose(type));
        }
    }

    [Fact]
    public void AnExpertThatNobodyChoosesHasNoGradient()
    {
        var (x, dy, offsets) = (Oracle.Normal(1, ScalarType.Float32, 4, 3), Oracle.Normal(2, ScalarType.Float32, 4, 2), tensor(new long[] { 0, 2, 2, 3 }));
        var dWeight = Oracle.Unwritten(ScalarType.Float32, 6, 3);
        Kernels.ExpertLinearGradWeight(dy, x, offsets, accumulate: false, dWeight);
        Assert.Equal(0, dWeight.narrow(0, 2, 2).abs().sum().item<float>());
        var before = dWeight.clone();
        Kernels.ExpertLinearGradWeight(dy, x, offsets, accumulate: true, dWeight);
        Oracle.Close(before * 2, dWeight);

        var y = Oracle.Unwritten(ScalarType.Float32, 4, 2);
        Kernels.ExpertLinear(x, Oracle.Normal(3, ScalarType.Float32, 6, 3), offsets, y);
        Assert.Equal(0, y[3].abs().sum().item<float>());
    }

    private static (Tensor Y, Tensor Dx, Tensor DRouter, Tensor DWeight) Run(
        Tensor x, Tensor router, Tensor weight, Tensor dy, int k, double capacity, bool aten)
    {
        var type = x.dtype;
        Tensor Float(params long[] shape) => Oracle.Unwritten(ScalarType.Float32, shape);
        Tensor Integer(params long[] shape) => full(shape, 12345, ScalarType.Int64);
        var (logits, gates, probabilities) = (Float(N, E), Float(N, k), Float(N, E));
        var (slots, sources, offsets) = (Integer(N, k), Integer(N, k), Integer(E + 1));
        var (rows, outputs, y) = (Oracle.Unwritten(type, N * k, C), Oracle.Unwritten(type, N * k, M), Oracle.Unwritten(type, N, M));
        Kernels.Router(x, router, logits);
        if (aten) AtenExperts.Route(logits, k, capacity > 0 ? (long)Math.Ceiling(capacity * N * k / E) : N * k, gates, probabilities, slots, sources, offsets);
        else Kernels.Route(logits, k, capacity, gates, probabilities, slots, sources, offsets);
        if (aten) AtenExperts.Dispatch(x, sources, rows);
        else Kernels.Dispatch(x, sources, rows);
        Kernels.ExpertLinear(rows, weight, offsets, outputs);
        if (aten) AtenExperts.Combine(outputs, gates, slots, y);
        else Kernels.Combine(outputs, gates, slots, y);

        var (dOutputs, dRows, dGates, dLogits) = (empty_like(outputs), empty_like(rows), Float(N, k), Float(N, E));
        var (dx, dxOfRouter, dRouter, dWeight) = (empty_like(x), empty_like(x), Float(E, C), Float(E * M, C));
        if (aten) AtenExperts.CombineGrad(dy, outputs, gates, slots, sources, dOutputs, dGates);
        else Kernels.CombineGrad(dy, outputs, gates, slots, sources, dOutputs, dGates);
        Kernels.ExpertLinearGradWeight(dOutputs, rows, offsets, accumulate: false, dWeight);
        Kernels.ExpertLinearGradInput(dOutputs, weight, offsets, dRows);
        if (aten) AtenExperts.Combine(dRows, null, slots, dx);
        else Kernels.DispatchGrad(dRows, slots, dx);
        if (aten) AtenExperts.RouteGrad(dGates, probabilities, k, Balance, dLogits);
        else Kernels.RouteGrad(dGates, probabilities, k, Balance, dLogits);
        Kernels.RouterGrad(dLogits, x, router, accumulate: false, dxOfRouter, dRouter);
        return (y, dx + dxOfRouter, dRouter, dWeight);
    }

    private static (Tensor Y, Tensor Auxiliary) Reference(Tensor x, Tensor router, Tensor weight, int k, double capacity)
    {
        var probabilities = x.matmul(router.t()).softmax(-1);
        var (top, chosen) = probabilities.topk(k);
        var gates = k == 1 ? top : top / top.sum(-1, keepdim: true);
        var experts = chosen.data<long>().ToArray();
        var taken = new int[E];
        var kept = new double[N * k];
        for (var c = 0; c < k; c++)
        {
            for (var i = c; i < N * k; i += k)
            {
                if (capacity == 0 || taken[experts[i]] < Math.Ceiling(capacity * N * k / E)) kept[i] = 1;
                taken[experts[i]]++;
            }
        }

        var all = x.matmul(weight.t()).view(N, E, M);
        var shares = zeros(N, E, ScalarType.Float64).scatter_add(1, chosen, gates * tensor(kept).view(N, k));
        var fractions = tensor(taken.Select(t => (double)t / (N * k)).ToArray());
        return ((all * shares.unsqueeze(-1)).sum(1), E * (fractions * probabilities.mean([0])).sum());
    }
}
