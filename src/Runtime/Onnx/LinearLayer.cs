using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>A linear layer of an ONNX graph.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Input">x [.., K]</param>
/// <param name="Weight">fp32 [M, K]</param>
internal sealed record LinearLayer(string Name, OnnxValue Input, Tensor Weight)
{
    /// <summary>The same for layers that share a weight.</summary>
    public nint Source => Address(Weight);

    /// <summary>Where a parameter lies: it tells parameters apart.</summary>
    public static unsafe nint Address(Tensor parameter) => (nint)Cpu.First(parameter);
}

/// <summary>The parameters by which the channels of a value can be scaled.</summary>
/// <param name="Parameters">Each is to be scaled by its first dimension, from Start on.</param>
/// <param name="Through">The values between, which nothing else may read.</param>
internal sealed record ChannelSource(IReadOnlyList<(Tensor Parameter, int Start)> Parameters, IReadOnlyList<string> Through)
{
    /// <summary>The same for values whose channels are scaled together.</summary>
    public (nint, int) Key => (Root, Parameters[0].Start);

    /// <summary>The parameter that the value comes from.</summary>
    public nint Root => LinearLayer.Address(Parameters[0].Parameter);
}
