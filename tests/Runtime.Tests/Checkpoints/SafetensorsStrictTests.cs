using System.Buffers.Binary;
using System.Text;
using CsCheck;
using ModelCompiler.Runtime.Checkpoints;

namespace ModelCompiler.Runtime.Tests.Checkpoints;

/// <summary>Whatever a file holds, it loads or is refused with one clear exception.</summary>
public sealed class SafetensorsStrictTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("[]", "does not start with '{'")]
    [InlineData("""{"x":""", "not valid JSON")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}!""", "not valid JSON")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "not valid JSON")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"x":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}""", "'x' appears twice")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'a' appears twice")]
    [InlineData("""{"__metadata__":{"a":1},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'__metadata__' has a Number")]
    [InlineData("""{"x":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}""", "unknown dtype 'F33'")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2]}}""", "'x' lacks")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}""", "'x' lacks")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}""", "repeated key 'shape'")]
    [InlineData("""{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "not a whole number")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", "not a whole number")]
    [InlineData("""{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", "needs 12 bytes and has 8")]
    [InlineData("""{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "out of range")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "out of range")]
    [InlineData("""{"x":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,8]}}""", "larger than any file")]
    [InlineData("""{"x":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},"y":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}""", "'y' overlaps another")]
    [InlineData("""{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}""", "'y' leaves a hole")]
    [InlineData("""{"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "end at byte 4 of 8")]
    [InlineData("""{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"F32","shape":[1],"data_offsets":[2,6]},"z":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}}""", "does not start at a multiple")]
    public void AMalformedHeaderIsNamed(string header, string message)
    {
        var padded = header.PadRight((header.Length + 7) / 8 * 8);
        var file = new byte[8 + padded.Length + 8];
        BinaryPrimitives.WriteInt64LittleEndian(file, padded.Length);
        Encoding.UTF8.GetBytes(padded, file.AsSpan(8));

        var path = _folder.Write("bad.safetensors", file);
        var exception = Assert.Throws<CheckpointException>(() => SafetensorsReader.Open(path));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
        Assert.Contains("bad.safetensors", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue, "would have 18446744073709551615 bytes")]
    [InlineData(100_000_001ul, "would have 100000001 bytes")]
    [InlineData(100_000_000ul, "it was cut off")]
    [InlineData(9ul, "it was cut off")]
    public void AnAbsurdHeaderLengthAllocatesNothing(ulong length, string message)
    {
        var file = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        var path = _folder.Write("bad", file);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var exception = Assert.Throws<CheckpointException>(() => SafetensorsReader.Open(path));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingFileIsNamed() =>
        Assert.Contains("none.safetensors", Assert.Throws<CheckpointException>(() => SafetensorsReader.Open(_folder["none.safetensors"])).Message, StringComparison.Ordinal);

    [Fact]
    public void EveryTruncationIsRefused()
    {
        var whole = ValidFile();
        for (var length = 0; length < whole.Length; length++)
        {
            var path = _folder.Write("cut", whole[..length]);
            Assert.Throws<CheckpointException>(() => SafetensorsReader.Open(path, verify: false));
        }
    }

    [Fact]
    public void EveryFlippedBitIsRefused()
    {
        var file = ValidFile();

        // But for the key of the digest itself: without it a file is as one of another writer.
        var key = file.AsSpan().IndexOf("sha256"u8);
        for (var bit = 0; bit < file.Length * 8; bit++)
        {
            if (bit / 8 >= key && bit / 8 < key + "sha256".Length)
                continue;
            file[bit / 8] ^= (byte)(1 << (bit % 8));
            var path = _folder.Write("flipped", file);
            Assert.Throws<CheckpointException>(() => SafetensorsReader.Open(path));
            file[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void MutatedFilesLoadOrAreRefused()
    {
        var valid = ValidFile();
        var edit = Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Int[0, 4], Gen.OneOf(Gen.Byte.Array[0, 6], Gen.String.AlphaNumeric.Select(Encoding.UTF8.GetBytes)));
        edit.Array[1, 4].Sample(
            edits =>
            {
                var file = valid.ToList();
                foreach (var (position, removed, inserted) in edits)
                {
                    var start = Math.Min(position, file.Count);
                    file.RemoveRange(start, Math.Min(removed, file.Count - start));
                    file.InsertRange(start, inserted);
                }

                // Half of the cases have a length that fits, so that they reach the JSON.
                if (edits.Length % 2 == 0 && file.Count >= 8)
                    BinaryPrimitives.WriteInt64LittleEndian(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(file), Math.Max(0, file.Count - 8 - 32));
                LoadsOrIsRefused([.. file]);
            },
            iter: 2000);
    }

    [Fact]
    public void RandomBytesAreRefused() =>
        Gen.Select(Gen.Bool, Gen.Byte.Array[0, 100]).Sample(
            (prefixed, bytes) => LoadsOrIsRefused(prefixed ? [(byte)bytes.Length, 0, 0, 0, 0, 0, 0, 0, .. bytes] : bytes), iter: 1000);

    private void LoadsOrIsRefused(byte[] file)
    {
        var path = _folder.Write(Guid.NewGuid().ToString(), file);
        try
        {
            using var reader = SafetensorsReader.Open(path, verify: false);
            foreach (var tensor in reader.Tensors)
                _ = reader.Bytes(tensor.Name).ToArray();
        }
        catch (CheckpointException)
        {
        }
    }

    private byte[] ValidFile()
    {
        SafetensorsWriter.Write(
            _folder["valid"],
            [
                CheckpointTensor.FromArray("weight", DType.F32, [2, 3], new float[] { 1, 2, 3, 4, 5, 6 }),
                CheckpointTensor.FromArray("mask", DType.U8, [8], new byte[8]),
            ],
            new Dictionary<string, string> { ["model"] = "Tiny" });
        return File.ReadAllBytes(_folder["valid"]);
    }

    public void Dispose() => _folder.Dispose();
}
