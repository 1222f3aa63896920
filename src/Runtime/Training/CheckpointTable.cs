using System.Globalization;
using System.Runtime.InteropServices;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Implementations;
using TorchSharp;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// The tensors and values of a run's parts, listed once for both ways: to write a checkpoint, and to restore one. A checkpoint
/// is compared with the whole list before anything is restored.
/// </summary>
public sealed class CheckpointTable
{
    private readonly IReadOnlyList<ParameterInfo> _parameters;
    private readonly List<StoredTensor> _tensors = [];
    private readonly List<StoredValue> _values = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private string _prefix = "";

    internal CheckpointTable(IReadOnlyList<ParameterInfo> parameters) => _parameters = parameters;

    private unsafe delegate void Restore(byte* bytes);

    /// <summary>A tensor of any type, shape and device. It is restored in place.</summary>
    /// <param name="name">Unique in the part.</param>
    /// <param name="values">Contiguous. It must outlive the call of <see cref="ICheckpointPart.Describe"/>.</param>
    /// <exception cref="ArgumentException">Its element type has no name in safetensors files.</exception>
    public unsafe void Tensor(string name, torch.Tensor values)
    {
        var (type, shape) = (TypeOf(values.dtype, name), values.shape);
        var bytes = TensorEntry.SizeOf(type, shape);
        Add(new StoredTensor(_prefix + name, type, shape, stream => Write(values, bytes, stream), from => Read(values, bytes, from)));
    }

    /// <summary>
    /// A flat fp32 buffer in the layout of the model's parameters: one tensor for each, <c>name.blocks.0.mlp.up.weight</c> and so on.
    /// </summary>
    /// <param name="name">Unique in the part; empty for the parameters themselves.</param>
    /// <param name="buffer">fp32 [<see cref="ParameterStore.Length"/>].</param>
    public unsafe void Parameters(string name, torch.Tensor buffer)
    {
        foreach (var parameter in _parameters)
        {
            var bytes = parameter.Length * sizeof(float);
            Add(new StoredTensor(
                _prefix + (name.Length == 0 ? "" : name + ".") + parameter.Name,
                TypeOf(buffer.dtype, name),
                parameter.Shape,
                stream =>
                {
                    using var values = buffer.narrow(0, parameter.Offset, parameter.Length);
                    Write(values, bytes, stream);
                },
                from =>
                {
                    using var values = buffer.narrow(0, parameter.Offset, parameter.Length);
                    Read(values, bytes, from);
                }));
        }
    }

    /// <summary>An array in managed memory. It is restored in place.</summary>
    /// <param name="name">Unique in the part.</param>
    /// <param name="values">Row-major.</param>
    /// <param name="shape">Its dimensions; if none are given, it has one.</param>
    /// <exception cref="ArgumentException">The shape has another number of elements, or the element type has no name in safetensors files.</exception>
    public unsafe void Array<T>(string name, T[] values, params long[] shape)
        where T : unmanaged
    {
        if (shape.Length == 0)
            shape = [values.LongLength];
        if (shape.Aggregate(1L, (product, dimension) => product * dimension) != values.LongLength)
            throw new ArgumentException($"'{_prefix}{name}' has {values.LongLength} elements, not [{string.Join(", ", shape)}].", nameof(shape));
        Add(new StoredTensor(
            _prefix + name,
            TypeOf<T>(name),
            shape,
            stream => stream.Write(MemoryMarshal.AsBytes<T>(values)),
            from => new ReadOnlySpan<T>(from, values.Length).CopyTo(values)));
    }

    /// <summary>A single value, kept as text in the file's metadata: a number (bit-identical when restored) or a string.</summary>
    /// <param name="name">Unique in the part.</param>
    /// <param name="get">Its value now.</param>
    /// <param name="set">Restores it.</param>
    public void Value<T>(string name, Func<T> get, Action<T> set)
        where T : IParsable<T>
    {
        var key = _prefix + name;
        CheckName(key);
        _values.Add(new StoredValue(
            key,
            () => get() is IFormattable number ? number.ToString(null, CultureInfo.InvariantCulture) : get().ToString()!,
            (text, path) =>
            {
                if (!T.TryParse(text, CultureInfo.InvariantCulture, out var value))
                    throw new CheckpointException($"Checkpoint '{path}' has '{text}' as '{key}', where a {typeof(T).Name} belongs. Choose another checkpoint.");
                return () => set(value);
            }));
    }

    /// <summary>Adds all of a part's state under its name.</summary>
    internal void Add(ICheckpointPart part)
    {
        _prefix = part.Name + ".";
        part.Describe(this);
        _prefix = "";
    }

    /// <summary>Writes a checkpoint, whole or not at all.</summary>
    internal void Save(string path, Dictionary<string, string> metadata)
    {
        foreach (var value in _values)
            metadata.Add(value.Name, value.Get());
        SafetensorsWriter.Write(path, [.. _tensors.Select(tensor => new CheckpointTensor(tensor.Name, tensor.Type, tensor.Shape, tensor.Write))], metadata);
    }

    /// <summary>Compares everything with the file and then restores it.</summary>
    /// <param name="reader">The file.</param>
    /// <param name="path">Its name.</param>
    /// <param name="whole">Whether the file must have no tensor that is not listed.</param>
    /// <exception cref="CheckpointException">The file does not fit; nothing was changed then.</exception>
    internal unsafe void Load(SafetensorsReader reader, string path, bool whole)
    {
        foreach (var tensor in _tensors)
        {
            if (!reader.Contains(tensor.Name))
                throw Lacks(tensor.Name);
            var entry = reader[tensor.Name];
            if (entry.Type != tensor.Type || !entry.Shape.AsSpan().SequenceEqual(tensor.Shape))
            {
                throw new CheckpointException(
                    $"Checkpoint '{path}' has {entry} where the run has {tensor.Type.Name()} [{string.Join(", ", tensor.Shape)}]. {Remedy}");
            }
        }

        if (whole && reader.Tensors.FirstOrDefault(entry => !_names.Contains(entry.Name)) is { } stranger)
            throw new CheckpointException($"Checkpoint '{path}' has '{stranger.Name}', which this run has no use for. {Remedy}");
        var sets = _values
            .Select(value => value.Set(reader.Metadata.TryGetValue(value.Name, out var text) ? text : throw Lacks(value.Name), path))
            .ToArray();

        foreach (var tensor in _tensors)
            tensor.Read((byte*)reader.Address(tensor.Name));
        foreach (var set in sets)
            set();

        CheckpointException Lacks(string name) => new($"Checkpoint '{path}' has no '{name}'. {Remedy}");
    }

    private const string Remedy =
        "Its run was declared otherwise: restore that declaration's optimizer and directives, or start a new run in another --output.";

    private void Add(StoredTensor tensor)
    {
        CheckName(tensor.Name);
        _tensors.Add(tensor);
    }

    private void CheckName(string name)
    {
        if (!_names.Add(name))
            throw new ArgumentException($"Two tensors or values of the run are named '{name}'.");
    }

    private static unsafe void Write(torch.Tensor values, long bytes, Stream stream)
    {
        using var host = values.cpu(); // the values themselves where they are on the CPU
        using var memory = new UnmanagedMemoryStream((byte*)Cpu.Pointer(host), bytes);
        memory.CopyTo(stream, 1 << 20);
    }

    private static unsafe void Read(torch.Tensor values, long bytes, byte* from)
    {
        using var host = values.cpu();
        Buffer.MemoryCopy(from, Cpu.Pointer(host), bytes, bytes);
        if (values.device_type != DeviceType.CPU)
            values.copy_(host);
    }

    private static DType TypeOf(torch.ScalarType type, string name) => type switch
    {
        torch.ScalarType.Bool => DType.Bool,
        torch.ScalarType.Byte => DType.U8,
        torch.ScalarType.Int8 => DType.I8,
        torch.ScalarType.Int16 => DType.I16,
        torch.ScalarType.Int32 => DType.I32,
        torch.ScalarType.Int64 => DType.I64,
        torch.ScalarType.Float16 => DType.F16,
        torch.ScalarType.BFloat16 => DType.BF16,
        torch.ScalarType.Float32 => DType.F32,
        torch.ScalarType.Float64 => DType.F64,
        _ => throw new ArgumentException($"'{name}' has elements of type {type}, which checkpoints have no name for. Give its bytes."),
    };

    private static DType TypeOf<T>(string name) => default(T) switch
    {
        bool => DType.Bool,
        byte => DType.U8,
        sbyte => DType.I8,
        short => DType.I16,
        ushort => DType.U16,
        int => DType.I32,
        uint => DType.U32,
        long => DType.I64,
        ulong => DType.U64,
        Half => DType.F16,
        float => DType.F32,
        double => DType.F64,
        _ => throw new ArgumentException($"'{name}' has elements of type {typeof(T).Name}, which checkpoints have no name for."),
    };

    private sealed record StoredTensor(string Name, DType Type, long[] Shape, Action<Stream> Write, Restore Read);

    private sealed record StoredValue(string Name, Func<string> Get, Func<string, string, Action> Set);
}
