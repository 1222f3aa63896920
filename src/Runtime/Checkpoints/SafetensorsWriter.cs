using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>Writes safetensors files, whole or not at all.</summary>
public static class SafetensorsWriter
{
    /// <summary>
    /// Writes tensors and metadata to <paramref name="path"/>. The data starts at a multiple of 8 bytes and wider elements come
    /// first, so that each tensor is aligned. A SHA-256 of the content is added to the metadata. If anything throws or the
    /// writing is cancelled, a previous file stays as it was and nothing is left behind.
    /// </summary>
    /// <exception cref="DiskFullException">The disk has no room for the file.</exception>
    /// <exception cref="ArgumentException">Names are empty, repeated or reserved, or a tensor wrote more or fewer bytes than its
    /// shape has.</exception>
    public static void Write(
        string path,
        IReadOnlyCollection<CheckpointTensor> tensors,
        IReadOnlyDictionary<string, string> metadata,
        CancellationToken cancellation = default)
    {
        var ordered = tensors.OrderByDescending(t => t.Type.Size()).ToArray();
        CheckNames(ordered, metadata);
        var header = Header(ordered, metadata);
        var bytes = header.Length + ordered.Sum(tensor => TensorEntry.SizeOf(tensor.Type, tensor.Shape));

        AtomicFile.Write(path, stream =>
        {
            using var hash = ContentDigest.Create();
            ContentDigest.AppendHeader(hash, header, ContentDigest.Placeholder);
            stream.Write(header);
            var data = new HashingStream(stream, hash, cancellation);
            foreach (var tensor in ordered)
            {
                cancellation.ThrowIfCancellationRequested();
                var before = data.Written;
                tensor.WriteTo(data);
                var expected = TensorEntry.SizeOf(tensor.Type, tensor.Shape);
                if (data.Written - before != expected)
                    throw new ArgumentException($"Tensor '{tensor.Name}' wrote {data.Written - before} bytes where its shape has {expected}.");
            }

            stream.Position = header.AsSpan().IndexOf(Encoding.ASCII.GetBytes(ContentDigest.Placeholder));
            stream.Write(Encoding.ASCII.GetBytes(ContentDigest.Finish(hash)));
        }, bytes);
    }

    private static void CheckNames(CheckpointTensor[] tensors, IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.ContainsKey(ContentDigest.Key))
            throw new ArgumentException($"The metadata key '{ContentDigest.Key}' is reserved for the content's digest.");
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (tensor.Name is "" or SafetensorsHeader.MetadataKey || !names.Add(tensor.Name))
                throw new ArgumentException($"The tensor name '{tensor.Name}' is empty, reserved or used twice.");
        }
    }

    private static byte[] Header(CheckpointTensor[] tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var bytes = new MemoryStream();
        bytes.Write(stackalloc byte[SafetensorsHeader.PrefixBytes]);
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartObject(SafetensorsHeader.MetadataKey);

            // First of all, so that the first 64 zeros of the header are the digest's place.
            json.WriteString(ContentDigest.Key, ContentDigest.Placeholder);
            foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
                json.WriteString(key, value);
            json.WriteEndObject();

            long offset = 0;
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.Name());
                WriteNumbers(json, "shape", tensor.Shape);
                var end = offset + TensorEntry.SizeOf(tensor.Type, tensor.Shape);
                WriteNumbers(json, "data_offsets", [offset, end]);
                json.WriteEndObject();
                offset = end;
            }

            json.WriteEndObject();
        }

        while (bytes.Length % 8 != 0)
            bytes.WriteByte((byte)' ');
        var header = bytes.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - SafetensorsHeader.PrefixBytes);
        return header;
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, ReadOnlySpan<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
            json.WriteNumberValue(number);
        json.WriteEndArray();
    }

    /// <summary>Counts and hashes what is written through it.</summary>
    private sealed class HashingStream(Stream inner, IncrementalHash hash, CancellationToken cancellation) : Stream
    {
        public long Written { get; private set; }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            cancellation.ThrowIfCancellationRequested();
            hash.AppendData(buffer);
            inner.Write(buffer);
            Written += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
