using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Implementations;
using ModelCompiler.Runtime.Training;
using TorchSharp;

namespace ModelCompiler.Runtime.HuggingFace;

/// <summary>One of their tensors and the parameters of ours that it holds.</summary>
/// <param name="Name">The tensor's name in the file.</param>
/// <param name="Rule">How its elements lie.</param>
/// <param name="Parameters">Ours, in their order along the outputs.</param>
internal sealed record WeightTransfer(string Name, TensorRule Rule, IReadOnlyList<ParameterInfo> Parameters)
{
    /// <summary>The shape that their tensor must have.</summary>
    public long[] Shape
    {
        get
        {
            var (first, rows) = (Parameters[0].Shape, Parameters.Sum(parameter => parameter.Shape[0]));
            return Rule.Transposed && first.Length == 2 ? [first[1], rows] : [rows, .. first[1..]];
        }
    }

    /// <summary>Reads the tensor into the fp32 masters, where they lie.</summary>
    public unsafe void Read(SafetensorsFolder files, torch.Tensor master)
    {
        var type = files[Name].Type;
        var source = (byte*)files.Address(Name);
        var start = 0L;
        foreach (var parameter in Parameters)
        {
            using var place = master.narrow(0, parameter.Offset, parameter.Length);
            using var host = place.cpu(); // the place itself where it is on the CPU
            var destination = (float*)Cpu.Pointer(host);
            if (Rule.Transposed)
                Widening.Transpose(type, source, Shape[1], start, destination, parameter.Shape[1], parameter.Shape[0]);
            else
                Widening.Copy(type, source + (start * (parameter.Length / parameter.Shape[0]) * type.Size()), destination, parameter.Length);
            if (place.device_type != DeviceType.CPU)
                place.copy_(host);
            start += parameter.Shape[0];
        }
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
