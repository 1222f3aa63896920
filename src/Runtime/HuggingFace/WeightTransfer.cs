using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Training;
using TorchSharp;

namespace ModelCompiler.Runtime.HuggingFace;

/// <summary>One of their tensors and the parameters of ours that it holds.</summary>
/// <param name="Name">The tensor's name in the file.</param>
/// <param name="Rule">How its elements lie.</param>
/// <param name="Parameters">Ours, in their order along the outputs.</param>
/// <param name="Heads">Heads of the model's attention.</param>
internal sealed record WeightTransfer(string Name, TensorRule Rule, IReadOnlyList<ParameterInfo> Parameters, int Heads)
{
    /// <summary>The shape that their tensor must have.</summary>
    public long[] Shape
    {
        get
        {
            var (first, rows) = (Parameters[0].Shape, Parameters.Sum(parameter => parameter.Shape[0]));
            if (Rule.ByHead)
                return [Heads, rows / Heads];
            return Rule.Transposed && first.Length == 2 ? [first[1], rows] : [rows, .. first[1..]];
        }
    }

    /// <summary>Reads the tensor into the fp32 masters, where they lie.</summary>
    public unsafe void Read(SafetensorsFolder files, torch.Tensor master)
    {
        using var scope = torch.NewDisposeScope();
        var source = files.Stream(Name);
        var places = Parameters.Select(parameter => master.narrow(0, parameter.Offset, parameter.Length)).ToArray();
        var hosts = places.Select(place => place.cpu()).ToArray(); // the places themselves where they are on the CPU
        if (Rule.Transposed)
        {
            Widening.Transpose(source, [.. Parameters.Zip(hosts, (parameter, host) => (parameter.Shape[0], (nint)Cpu.Pointer(host)))]);
        }
        else
        {
            var first = 0L;
            foreach (var (parameter, host) in Parameters.Zip(hosts))
            {
                Widening.Copy(source, first, (float*)Cpu.Pointer(host), parameter.Length);
                first += parameter.Length;
            }
        }

        foreach (var (place, host) in places.Zip(hosts).Where(pair => pair.First.device_type != DeviceType.CPU))
            place.copy_(host);
    }

    /// <summary>The tensor of these masters, in fp32.</summary>
    public unsafe CheckpointTensor Write(torch.Tensor master) => new(Name, DType.F32, Shape, stream =>
    {
        using var parts = torch.NewDisposeScope();
        var values = Parameters.Select(parameter => master.narrow(0, parameter.Offset, parameter.Length).view(parameter.Shape).cpu()).ToArray();
        var whole = values.Length == 1 ? values[0] : torch.cat(values);
        if (Rule.Transposed)
            whole = whole.t().contiguous();
        using var bytes = new UnmanagedMemoryStream((byte*)Cpu.Pointer(whole), whole.numel() * sizeof(float));
        bytes.CopyTo(stream, 1 << 20);
    });
}
