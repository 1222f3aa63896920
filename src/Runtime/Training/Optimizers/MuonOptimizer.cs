using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>
/// Muon (Jordan et al. 2024) for the matrices of linear layers: the momentum, orthogonalized, is the update. Scaled by
/// 0.2·√max(rows, columns), it has about the root mean square of AdamW's (Liu et al. 2025), so that AdamW's learning rate and weight
/// decay carry over. AdamW updates all else: embeddings, the head, vectors. State: <c>momentum_buffer</c> of the former,
/// <c>exp_avg</c> and <c>exp_avg_sq</c> of the latter.
/// </summary>
public sealed class MuonOptimizer : Optimizer
{
    /// <summary>Elements of the matrices that are orthogonalized together on a device that wants much work at once.</summary>
    private const long GpuBatch = 1 << 26;

    private readonly List<(MuonBatch Batch, double Scale)> _batches = [];
    private readonly AdamWRanges _rest;
    private readonly double _weightDecay, _adamwRate;
    private readonly float _momentum;
    private readonly bool _nesterov;
    private readonly long _batch;

    /// <param name="store">The parameters and their gradients.</param>
    /// <param name="matrices">What Muon updates.</param>
    /// <param name="momentum">Share of the momentum that is kept.</param>
    /// <param name="nesterov">Whether the update looks ahead.</param>
    /// <param name="adamwRate">AdamW's learning rate, as a multiple of Muon's.</param>
    /// <param name="beta1">AdamW's decay of the first moment.</param>
    /// <param name="beta2">AdamW's decay of the second moment.</param>
    /// <param name="epsilon">AdamW's number that is added to the root of the second moment.</param>
    /// <param name="weightDecay">Decoupled weight decay of matrices.</param>
    /// <param name="vectorDecay">Decoupled weight decay of vectors.</param>
    /// <param name="clip">Largest global gradient norm; 0 for no clipping.</param>
    /// <param name="cpuBatch">Elements of the matrices that are orthogonalized together on the CPU, if one has no more.</param>
    public MuonOptimizer(
        ParameterStore store, IReadOnlyList<MatrixGroup> matrices, double momentum, bool nesterov, double adamwRate, double beta1, double beta2,
        double epsilon, double weightDecay, double vectorDecay, double clip, long cpuBatch)
        : base(store, clip)
    {
        (_weightDecay, _adamwRate, _momentum, _nesterov) = (weightDecay, adamwRate, (float)momentum, nesterov);
        _batch = Cpu.Takes(store.Master) ? cpuBatch : GpuBatch;
        _rest = Own(new AdamWRanges(store.Master.device));
        AddMatrices(matrices);
        AddRest(matrices, new(beta1, beta2, epsilon), weightDecay, vectorDecay);
    }

    /// <summary>
    /// bf16 of a model that computes in it, as its plan counts on; and where there are instructions for it, which are twice as fast: the iterations
    /// need no more precision.
    /// </summary>
    private ScalarType Compute =>
        Store.Copy?.dtype == ScalarType.BFloat16 || !Cpu.Takes(Store.Master) || Hardware.HasBf16 ? ScalarType.BFloat16 : ScalarType.Float32;

    /// <summary>Bytes of the buffers that all batches are orthogonalized in.</summary>
    internal long WorkBytes { get; private set; }

    protected override void Update(int step, double learningRate, float scale)
    {
        var keep = (float)(1 - (learningRate * _weightDecay));
        foreach (var (batch, factor) in _batches) batch.Update(scale, _momentum, _nesterov, keep, (float)(learningRate * factor), ByOperators);
        _rest.Update(step, learningRate * _adamwRate, scale, ByOperators);
    }

    private void AddMatrices(IReadOnlyList<MatrixGroup> groups)
    {
        var batches = groups.SelectMany(Split).ToArray();
        if (batches.Length == 0) return;
        var large = batches.Max(batch => batch.Count * batch.Rows * batch.Columns);
        var small = batches.Max(batch => batch.Count * Math.Min(batch.Rows, batch.Columns) * Math.Min(batch.Rows, batch.Columns));
        var memory = (Memory(large), Memory(large), Memory(small), Memory(small));
        var momentum = Own(zeros([batches.Sum(batch => batch.Count * batch.Rows * batch.Columns)], ScalarType.Float32, Store.Master.device));
        var names = Store.Layout.ToDictionary(info => info.Offset, info => info.Name);
        var offset = 0L;
        foreach (var batch in batches)
        {
            var length = batch.Rows * batch.Columns;
            for (var i = 0; i < batch.Count; i++)
            {
                using var values = momentum.narrow(0, offset + (i * length), length);
                AddState("momentum_buffer." + names[batch.Offset + (i * batch.Stride)], Own(values.view(batch.Rows, batch.Columns)));
            }

            using var part = momentum.narrow(0, offset, batch.Count * length);
            var orthogonalize = new NewtonSchulz(memory, batch.Count, batch.Rows, batch.Columns);
            _batches.Add((Own(new MuonBatch(Store, batch, part, orthogonalize)), 0.2 * Math.Sqrt(Math.Max(batch.Rows, batch.Columns))));
            offset += batch.Count * length;
        }

        Tensor Memory(long length)
        {
            var buffer = Own(empty([length], Compute, Store.Master.device));
            WorkBytes += length * buffer.element_size();
            return buffer;
        }
    }

    private IEnumerable<MatrixGroup> Split(MatrixGroup group)
    {
        var most = (int)Math.Clamp(_batch / (group.Rows * group.Columns), 1, group.Count);
        for (var first = 0; first < group.Count; first += most)
            yield return group with { Offset = group.Offset + (first * group.Stride), Count = Math.Min(most, group.Count - first) };
    }

    private void AddRest(IReadOnlyList<MatrixGroup> groups, AdamWSettings settings, double weightDecay, double vectorDecay)
    {
        var taken = groups.SelectMany(group => Enumerable.Range(0, group.Count).Select(i => group.Offset + (i * group.Stride))).ToHashSet();
        foreach (var info in Store.Layout.Where(info => !taken.Contains(info.Offset)))
        {
            var (first, second) = (NewMoment("exp_avg", info), NewMoment("exp_avg_sq", info));
            _rest.Add(new AdamWRange(Store, (info.Offset, info.Length, info.Decay ? weightDecay : vectorDecay), first, second, settings, casts: false));
        }
    }

    private Tensor NewMoment(string name, ParameterInfo info)
    {
        var values = Own(zeros(info.Shape, ScalarType.Float32, Store.Master.device));
        AddState($"{name}.{info.Name}", values);
        return values.view(-1).DetachFromDisposeScope();
    }
}
