using System.Runtime.InteropServices;
using System.Text;
using CsCheck;
using ModelCompiler.Runtime.Checkpoints;

namespace ModelCompiler.Runtime.Tests.Checkpoints;

public sealed class SafetensorsTests : IDisposable
{
    private static readonly Dictionary<string, string> s_noMetadata = [];
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void TensorsAndMetadataComeBackAsWritten()
    {
        float[] weights = [1.5f, -2, float.NaN, 0, float.MaxValue, -0f];
        long[] steps = [42];
        byte[] mask = [1, 0, 255];
        SafetensorsWriter.Write(
            _folder["m.safetensors"],
            [
                CheckpointTensor.FromArray("mask", DType.U8, [3], mask),
                CheckpointTensor.FromArray("h.0.weight", DType.F32, [2, 3], weights),
                CheckpointTensor.FromArray("step", DType.I64, [], steps),
                CheckpointTensor.FromArray("nothing", DType.BF16, [0, 7], Array.Empty<ushort>()),
            ],
            new Dictionary<string, string> { ["model"] = "Grüße \"quoted\" 🙂", ["a"] = "" });

        using var reader = SafetensorsReader.Open(_folder["m.safetensors"]);
        Assert.Equal(MemoryMarshal.AsBytes(weights.AsSpan()).ToArray(), reader.Bytes("h.0.weight").ToArray());
        Assert.Equal([42L], reader.Values<long>("step").ToArray());
        Assert.Equal(mask, reader.Bytes("mask").ToArray());
        Assert.Empty(reader.Bytes("nothing").ToArray());
        Assert.Equal([2L, 3L], reader["h.0.weight"].Shape.ToArray());
        Assert.Empty(reader["step"].Shape);
        Assert.Equal("Grüße \"quoted\" 🙂", reader.Metadata["model"]);
        Assert.Equal("", reader.Metadata["a"]);
        foreach (var tensor in reader.Tensors)
            Assert.Equal(0, reader.Address(tensor.Name) % tensor.Type.Size());
    }

    [Fact]
    public unsafe void NativeMemoryIsWrittenFromItsAddress()
    {
        int[] values = [1, 2, 3, 4];
        fixed (int* address = values)
            SafetensorsWriter.Write(_folder["m"], [CheckpointTensor.FromAddress("x", DType.I32, [4], (nint)address)], s_noMetadata);

        using var reader = SafetensorsReader.Open(_folder["m"]);
        Assert.Equal(values, reader.Values<int>("x").ToArray());
    }

    [Fact]
    public void AnyTensorsComeBack() =>
        Gen.Select(Gen.Enum<DType>(), Gen.Long[0, 5].Array[0, 4], Gen.Byte.Array[5 * 5 * 5 * 5 * 8])
            .Array[0, 6]
            .Sample(
                tensors =>
                {
                    var path = _folder[Guid.NewGuid().ToString()];
                    var written = tensors.Select((t, i) =>
                    {
                        var bytes = t.Item3.AsMemory(0, (int)TensorEntry.SizeOf(t.Item1, t.Item2));
                        return (Bytes: bytes, Tensor: new CheckpointTensor($"t{i}", t.Item1, t.Item2, s => s.Write(bytes.Span)));
                    }).ToArray();
                    SafetensorsWriter.Write(path, [.. written.Select(w => w.Tensor)], s_noMetadata);

                    using var reader = SafetensorsReader.Open(path);
                    Assert.Equal(tensors.Length, reader.Tensors.Length);
                    foreach (var (bytes, tensor) in written)
                    {
                        Assert.True(reader.Bytes(tensor.Name).SequenceEqual(bytes.Span));
                        Assert.Equal(tensor.Type, reader[tensor.Name].Type);
                        Assert.Equal(tensor.Shape, reader[tensor.Name].Shape.ToArray());
                    }
                },
                iter: 200);

    [Fact]
    public void AFileOfAnotherWriterIsRead()
    {
        // As the reference implementation writes it: no metadata, header padded with spaces.
        const string Header = """{"x":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]}}      """;
        byte[] file = [(byte)Header.Length, 0, 0, 0, 0, 0, 0, 0, .. Encoding.ASCII.GetBytes(Header), 1, 2, 3, 4];
        using var reader = SafetensorsReader.Open(_folder.Write("x", file));
        Assert.Equal([1, 2, 3, 4], reader.Bytes("x").ToArray());
        Assert.Equal(DType.F16, reader["x"].Type);
        Assert.Empty(reader.Metadata);
    }

    [Fact]
    public void AMissingTensorAndAWrongElementTypeAreNamed()
    {
        SafetensorsWriter.Write(_folder["m"], [CheckpointTensor.FromArray("x", DType.F32, [1], new float[1])], s_noMetadata);
        using var reader = SafetensorsReader.Open(_folder["m"]);
        Assert.Contains("'h.0.ln'", Assert.Throws<CheckpointException>(() => reader["h.0.ln"]).Message, StringComparison.Ordinal);
        Assert.Contains("x: F32 [1]", Assert.Throws<CheckpointException>(() => reader.Values<long>("x").Length).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ACancelledOrFailedWriteLeavesThePreviousFile()
    {
        float[] values = [1, 2];
        var good = CheckpointTensor.FromArray("good", DType.F32, [2], values);
        SafetensorsWriter.Write(_folder["m"], [good], s_noMetadata);
        var before = File.ReadAllBytes(_folder["m"]);

        using var cancellation = new CancellationTokenSource();
        var cancels = new CheckpointTensor("cancels", DType.F32, [1], stream =>
        {
            stream.Write(new byte[2]);
            cancellation.Cancel();
            stream.Write(new byte[2]);
        });
        Assert.Throws<OperationCanceledException>(() => SafetensorsWriter.Write(_folder["m"], [cancels, good], s_noMetadata, cancellation.Token));
        var throws = new CheckpointTensor("throws", DType.F32, [1], _ => throw new IOException("disk full"));
        Assert.Throws<IOException>(() => SafetensorsWriter.Write(_folder["m"], [good, throws], s_noMetadata));
        var tooShort = new CheckpointTensor("short", DType.F32, [3], stream => stream.Write(new byte[8]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(_folder["m"], [good, tooShort], s_noMetadata));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(_folder["m"], [good, good], s_noMetadata));

        Assert.Equal(before, File.ReadAllBytes(_folder["m"]));
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    public void Dispose() => _folder.Dispose();
}
