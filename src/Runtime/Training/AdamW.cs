using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>AdamW (Loshchilov and Hutter 2019) over the flat buffers of a <see cref="ParameterStore"/>.</summary>
public static class AdamW
{
    /// <summary>
    /// Clips the gradients by their global norm (Pascanu et al. 2013) and updates the masters and their copy in the compute
    /// type. Where the norm is not finite nothing is updated, so that the parameters stay usable; the caller sees the norm.
    /// </summary>
    /// <param name="store">The parameters; its gradients may be scaled in place.</param>
    /// <param name="step">Number of this step, from 1: it corrects the moments' bias.</param>
    /// <param name="learningRate">Learning rate of this step.</param>
    /// <param name="beta1">Decay of the first moment.</param>
    /// <param name="beta2">Decay of the second moment.</param>
    /// <param name="epsilon">Added to the root of the second moment.</param>
    /// <param name="weightDecay">Decoupled weight decay, on the matrices only.</param>
    /// <param name="clip">Largest global gradient norm; 0 for no clipping.</param>
    /// <returns>The global norm of the gradients, before clipping.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="step"/> is below 1.</exception>
    public static double Step(
        ParameterStore store, int step, double learningRate, double beta1, double beta2, double epsilon, double weightDecay, double clip)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        using var scope = NewDisposeScope();
        var norm = (double)store.Gradients.norm().item<float>();
        if (!double.IsFinite(norm)) return norm;

        // The kernel divides gradients by the scale as it reads them, so clipping costs no pass of its own.
        var scale = clip > 0 && norm > clip ? tensor((float)(norm / clip), device: store.Master.device) : null;
        var count = tensor((float)step, device: store.Master.device);
        Update(0, store.MatrixLength, weightDecay);
        Update(store.MatrixLength, store.Length - store.MatrixLength, 0);
        store.CastCompute();
        return norm;

        void Update(long start, long length, double decay)
        {
            if (length == 0) return;
            var call = new OperatorCall("aten::_fused_adamw_"u8);
            call.AddTensors(store.Master.narrow(0, start, length));
            call.AddTensors(store.Gradients.narrow(0, start, length));
            call.AddTensors(store.FirstMoment.narrow(0, start, length));
            call.AddTensors(store.SecondMoment.narrow(0, start, length));
            call.AddTensors();
            call.AddTensors(count);
            call.Add(learningRate);
            call.Add(beta1);
            call.Add(beta2);
            call.Add(decay);
            call.Add(epsilon);
            call.Add(false); // amsgrad
            call.Add(false); // maximize
            call.AddOptional(scale);
            call.AddNone(); // found_inf
            call.Invoke(0);
        }
    }
}
