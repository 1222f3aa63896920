using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Native;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Optimizers;

/// <summary>One fp32 number on a device, made once and set at each step.</summary>
internal sealed unsafe class DeviceScalar : IDisposable
{
    private readonly Tensor _host = zeros([]).DetachFromDisposeScope();

    public DeviceScalar(Device device) => Tensor = device.type == TorchSharp.DeviceType.CPU ? _host : zeros([], device: device).DetachFromDisposeScope();

    /// <summary>fp32 []</summary>
    public Tensor Tensor { get; }

    public void Set(float value)
    {
        *Cpu.Floats(_host) = value;
        if (!ReferenceEquals(Tensor, _host) && LibTorch.Copy(Tensor.Handle, _host.Handle, 0) != 0)
            throw new NativeException("libtorch refused to copy a number to the device; its reason is on stderr.");
    }

    public void Dispose()
    {
        Tensor.Dispose();
        _host.Dispose();
    }
}
