using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>AdamW's constants.</summary>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
internal readonly record struct AdamWSettings(double Beta1, double Beta2, double Epsilon);

/// <summary>AdamW over a contiguous range of the parameters.</summary>
/// <param name="store">The parameters and their gradients.</param>
/// <param name="range">Where it lies, and its weight decay.</param>
/// <param name="firstMoment">fp32, of the range's length; owned.</param>
/// <param name="secondMoment">As the first.</param>
/// <param name="settings">Constants.</param>
/// <param name="casts">Whether <see cref="Update(int, double, float)"/> writes the copy in the compute type too, in the same pass.</param>
internal sealed class AdamWRange(
    ParameterStore store, (long Offset, long Length, double Decay) range, Tensor firstMoment, Tensor secondMoment, AdamWSettings settings,
    bool casts) : IDisposable
{
    private readonly Tensor _master = store.Master.narrow(0, range.Offset, range.Length).DetachFromDisposeScope();
    private readonly Tensor _gradients = store.Gradients.narrow(0, range.Offset, range.Length).DetachFromDisposeScope();
    private readonly Tensor? _copy = casts ? store.Copy?.narrow(0, range.Offset, range.Length).DetachFromDisposeScope() : null;

    /// <summary>By a CPU kernel of ours.</summary>
    /// <param name="step">Number of the step, from 1: it corrects the moments' bias.</param>
    /// <param name="learningRate">Learning rate of the step.</param>
    /// <param name="scale">The gradients are multiplied by it.</param>
    public void Update(int step, double learningRate, float scale) => CpuAdamW.Update(
        _master, _gradients, firstMoment, secondMoment, _copy, step, learningRate, settings.Beta1, settings.Beta2, settings.Epsilon,
        range.Decay, scale);

    /// <summary>By libtorch's fused kernel.</summary>
    /// <param name="step">Number of the step, from 1: it corrects the moments' bias.</param>
    /// <param name="learningRate">Learning rate of the step.</param>
    /// <param name="divisor">The kernel divides gradients by it as it reads them, so clipping costs no pass of its own; null for 1.</param>
    public void Update(DeviceScalar step, double learningRate, DeviceScalar? divisor)
    {
        var call = new OperatorCall("aten::_fused_adamw_"u8);
        call.AddTensors(_master);
        call.AddTensors(_gradients);
        call.AddTensors(firstMoment);
        call.AddTensors(secondMoment);
        call.AddTensors();
        call.AddTensors(step.Tensor);
        call.Add(learningRate);
        call.Add(settings.Beta1);
        call.Add(settings.Beta2);
        call.Add(range.Decay);
        call.Add(settings.Epsilon);
        call.Add(false); // amsgrad
        call.Add(false); // maximize
        call.AddOptional(divisor?.Tensor);
        call.AddNone(); // found_inf
        call.Invoke(0);
    }

    public void Dispose()
    {
        _master.Dispose();
        _gradients.Dispose();
        _copy?.Dispose();
        firstMoment.Dispose();
        secondMoment.Dispose();
    }
}
