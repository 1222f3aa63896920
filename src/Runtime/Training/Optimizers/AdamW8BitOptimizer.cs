using ModelCompiler.Runtime.Implementations;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>
/// AdamW whose moments of matrices have 8 bits, in blocks of 256 that share a scale (Dettmers et al. 2021); those of vectors stay
/// fp32. State: <c>exp_avg</c> and <c>exp_avg_sq</c> (codes of all matrices), <c>exp_avg_max</c> and <c>exp_avg_sq_max</c> (scales of
/// blocks), <c>exp_avg_vectors</c> and <c>exp_avg_sq_vectors</c>.
/// </summary>
public sealed unsafe class AdamW8BitOptimizer : Optimizer
{
    // Without a kernel of our own, moments are widened a part at a time.
    private const long Part = CpuAdamW8Bit.Block * 65_536L;

    private readonly AdamWSettings _settings;
    private readonly AdamWRanges _vectors;
    private readonly double _weightDecay;
    private readonly Tensor _parameters, _gradients;
    private readonly (Tensor Codes, Tensor Scales) _first, _second;

    /// <inheritdoc cref="AdamWOptimizer(ParameterStore, double, double, double, double, double, double)"/>
    public AdamW8BitOptimizer(ParameterStore store, double beta1, double beta2, double epsilon, double weightDecay, double vectorDecay, double clip)
        : base(store, clip)
    {
        (_settings, _weightDecay) = (new(beta1, beta2, epsilon), weightDecay);
        _parameters = Own(store.Master.narrow(0, 0, store.MatrixLength));
        _gradients = Own(store.Gradients.narrow(0, 0, store.MatrixLength));
        (_first, _second) = (NewMoment("exp_avg"), NewMoment("exp_avg_sq"));
        _vectors = Own(new AdamWRanges(store.Master.device));
        foreach (var range in Ranges(weightDecay, vectorDecay).Where(range => range.Offset >= store.MatrixLength))
            _vectors.Add(new AdamWRange(store, range, NewVectors("exp_avg_vectors"), NewVectors("exp_avg_sq_vectors"), _settings, casts: false));

        Tensor NewVectors(string name)
        {
            var values = Own(zeros([store.Length - store.MatrixLength], ScalarType.Float32, store.Master.device));
            AddState(name, values);
            return values.alias().DetachFromDisposeScope();
        }
    }

    internal override void Forget(Tensor removed)
    {
        using var scope = NewDisposeScope();
        var matrices = removed.narrow(0, 0, Store.MatrixLength);
        _first.Codes.masked_fill_(matrices, (byte)Array.IndexOf(DynamicMap.Signed.Values, 0f));
        _second.Codes.masked_fill_(matrices, (byte)Array.IndexOf(DynamicMap.Unsigned.Values, 0f));
        foreach (var (name, values) in State.Where(entry => entry.Key.EndsWith("_vectors", StringComparison.Ordinal)))
            values.masked_fill_(removed.narrow(0, Store.MatrixLength, values.numel()), 0);
    }

    protected override void Update(int step, double learningRate, float scale)
    {
        var arguments = new CpuAdamW8Bit.Arguments
        {
            Length = Store.MatrixLength, Scale = scale, Beta1 = (float)_settings.Beta1, Beta2 = (float)_settings.Beta2,
            Epsilon = (float)_settings.Epsilon, Keep = (float)(1 - (learningRate * _weightDecay)),
            Rate = (float)(learningRate / (1 - Math.Pow(_settings.Beta1, step))), Root2 = (float)(1 / Math.Sqrt(1 - Math.Pow(_settings.Beta2, step))),
        };
        if (ByOperators) UpdateByOperators(arguments);
        else UpdateOnCpu(arguments);
        _vectors.Update(step, learningRate, scale, ByOperators);
    }

    private void UpdateOnCpu(CpuAdamW8Bit.Arguments arguments)
    {
        arguments.Parameters = Cpu.Floats(_parameters);
        arguments.Gradients = Cpu.Floats(_gradients);
        arguments.Moment1 = (byte*)Cpu.Pointer(_first.Codes);
        arguments.Scale1 = Cpu.Floats(_first.Scales);
        arguments.Moment2 = (byte*)Cpu.Pointer(_second.Codes);
        arguments.Scale2 = Cpu.Floats(_second.Scales);
        CpuAdamW8Bit.Run(arguments);
    }

    /// <summary>The same by libtorch's operators, on any device.</summary>
    private void UpdateByOperators(in CpuAdamW8Bit.Arguments a)
    {
        for (var start = 0L; start < a.Length; start += Part)
        {
            using var scope = NewDisposeScope();
            var length = Math.Min(Part, a.Length - start);
            var gradient = _gradients.narrow(0, start, length) * a.Scale;
            var first = Widen(_first, DynamicMap.Signed, start, length).mul_(a.Beta1).add_(gradient, 1 - a.Beta1);
            var second = Widen(_second, DynamicMap.Unsigned, start, length).mul_(a.Beta2).add_(gradient * gradient, 1 - a.Beta2);
            var move = first / (second.sqrt().mul_(a.Root2).add_(a.Epsilon));
            _parameters.narrow(0, start, length).mul_(a.Keep).add_(move, -a.Rate);
            Round(first, _first, DynamicMap.Signed, start, least: 0);
            Round(second, _second, DynamicMap.Unsigned, start, least: 1);
        }
    }

    private (Tensor Codes, Tensor Scales) NewMoment(string name)
    {
        var codes = Own(zeros([Store.MatrixLength], ScalarType.Byte, Store.Master.device));
        var scales = Own(zeros([(Store.MatrixLength + CpuAdamW8Bit.Block - 1) / CpuAdamW8Bit.Block], ScalarType.Float32, Store.Master.device));
        AddState(name, codes);
        AddState(name + "_max", scales);
        return (codes, scales);
    }

    private static (long First, long Count) BlocksOf(long start, long length) =>
        (start / CpuAdamW8Bit.Block, (length + CpuAdamW8Bit.Block - 1) / CpuAdamW8Bit.Block);

    private static Tensor Widen((Tensor Codes, Tensor Scales) moment, DynamicMap map, long start, long length)
    {
        var (block, count) = BlocksOf(start, length);
        var values = tensor(map.Values, device: moment.Codes.device).index_select(0, moment.Codes.narrow(0, start, length).to(ScalarType.Int64));
        return values.mul_(moment.Scales.narrow(0, block, count).repeat_interleave(CpuAdamW8Bit.Block).narrow(0, 0, length));
    }

    private static void Round(Tensor values, (Tensor Codes, Tensor Scales) moment, DynamicMap map, long start, int least)
    {
        var (length, device) = (values.numel(), values.device);
        var (block, count) = BlocksOf(start, length);
        var blocks = nn.functional.pad(values, [0, (count * CpuAdamW8Bit.Block) - length]).view(count, CpuAdamW8Bit.Block);
        var scales = blocks.abs().amax([1]);
        moment.Scales.narrow(0, block, count).copy_(scales);
        var inverse = where(scales > 0, scales.reciprocal(), zeros_like(scales));
        var quotients = (blocks * inverse.view(-1, 1)).view(-1).narrow(0, 0, length);
        var codes = bucketize(quotients, tensor(map.Limits, device: device));
        moment.Codes.narrow(0, start, length).copy_(where(quotients != 0, codes.clamp_min(least), codes));
    }
}
