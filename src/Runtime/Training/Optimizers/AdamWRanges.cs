using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>AdamW over several ranges of the parameters, which share the count of steps and the scale of the gradients.</summary>
internal sealed class AdamWRanges(Device device) : IDisposable
{
    private readonly List<AdamWRange> _ranges = [];
    private readonly DeviceScalar _step = new(device);
    private readonly DeviceScalar _divisor = new(device);

    public void Add(AdamWRange range) => _ranges.Add(range);

    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="learningRate">Learning rate of the step.</param>
    /// <param name="scale">The gradients are multiplied by it.</param>
    /// <param name="byOperators">Whether by libtorch's operators rather than by a CPU kernel of ours.</param>
    public void Update(int step, double learningRate, float scale, bool byOperators)
    {
        if (!byOperators)
        {
            foreach (var range in _ranges) range.Update(step, learningRate, scale);
            return;
        }

        _step.Set(step);
        if (scale != 1) _divisor.Set(1 / scale);
        foreach (var range in _ranges) range.Update(_step, learningRate, scale == 1 ? null : _divisor);
    }

    public void Dispose()
    {
        foreach (var range in _ranges) range.Dispose();
        _step.Dispose();
        _divisor.Dispose();
    }
}
