using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json;

namespace ModelCompiler.Runtime.Checkpoints;

/// <summary>
/// The header of a safetensors file: 8 bytes with its length (little-endian), then JSON that gives each tensor's type,
/// shape and place, then the data. Read strictly: whatever is odd about a file is said before its data is used.
/// Format: https://huggingface.co/docs/safetensors.
/// </summary>
internal sealed class SafetensorsHeader
{
    public const string MetadataKey = "__metadata__";
    public const int PrefixBytes = 8;

    /// <summary>The largest JSON header of the format.</summary>
    public const long LargestHeader = 100_000_000;

    public required ImmutableArray<TensorEntry> Tensors { get; init; }

    public required ImmutableSortedDictionary<string, string> Metadata { get; init; }

    /// <summary>Bytes of the JSON part, from the first 8 bytes of a file of <paramref name="fileLength"/> bytes.</summary>
    public static int ReadLength(ReadOnlySpan<byte> prefix, long fileLength, string path)
    {
        if (fileLength < PrefixBytes + 2)
            throw Malformed(path, $"it has {fileLength} bytes, too few for a header");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > LargestHeader)
            throw Malformed(path, $"its header would have {length} bytes; {LargestHeader} are the limit");
        if (length > (ulong)(fileLength - PrefixBytes))
            throw Malformed(path, $"its header has {length} bytes but the file only {fileLength}: it was cut off");
        return (int)length;
    }

    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long dataLength, string path)
    {
        if (json.IsEmpty || json[0] != (byte)'{')
            throw Malformed(path, "its header does not start with '{'");
        try
        {
            return new Parser(path, json.Length, dataLength).Parse(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string that is not valid UTF-8 or UTF-16.
            throw Malformed(path, $"its header is not valid JSON ({e.Message})", e);
        }
    }

    internal static CheckpointException Malformed(string path, string reason, Exception? inner = null) =>
        new($"'{path}' is not a valid safetensors file: {reason}. Save or download it again.", inner);

    private sealed class Parser(string path, int headerLength, long dataLength)
    {
        private readonly Dictionary<string, TensorEntry> _tensors = new(StringComparer.Ordinal);
        private ImmutableSortedDictionary<string, string>? _metadata;

        public SafetensorsHeader Parse(ReadOnlySpan<byte> json)
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            while (ReadKey(ref reader, out var name))
            {
                if (name == MetadataKey)
                    ReadMetadata(ref reader);
                else if (!_tensors.TryAdd(name, ReadTensor(ref reader, name)))
                    throw Malformed(path, $"tensor '{name}' appears twice");
            }

            if (reader.Read())
                throw Malformed(path, "its header goes on after its end");

            ImmutableArray<TensorEntry> ordered = [.. _tensors.Values.OrderBy(t => t.Offset).ThenBy(t => t.ByteLength)];
            CheckPlaces(ordered);
            return new SafetensorsHeader { Tensors = ordered, Metadata = _metadata ?? ImmutableSortedDictionary<string, string>.Empty };
        }

        private void ReadMetadata(ref Utf8JsonReader reader)
        {
            Expect(ref reader, JsonTokenType.StartObject, MetadataKey);
            if (_metadata is not null)
                throw Malformed(path, $"'{MetadataKey}' appears twice");
            var entries = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
            while (ReadKey(ref reader, out var key))
            {
                Expect(ref reader, JsonTokenType.String, MetadataKey);
                if (!entries.TryAdd(key, reader.GetString()!))
                    throw Malformed(path, $"metadata '{key}' appears twice");
            }

            _metadata = entries.ToImmutable();
        }

        private TensorEntry ReadTensor(ref Utf8JsonReader reader, string name)
        {
            DType? type = null;
            ImmutableArray<long>? shape = null, offsets = null;
            Expect(ref reader, JsonTokenType.StartObject, name);
            while (ReadKey(ref reader, out var key))
            {
                switch (key)
                {
                    case "dtype" when type is null:
                        Expect(ref reader, JsonTokenType.String, name);
                        type = DTypes.Parse(reader.GetString()) ?? throw Malformed(path, $"tensor '{name}' has the unknown dtype '{reader.GetString()}'");
                        break;
                    case "shape" when shape is null:
                        shape = ReadNumbers(ref reader, name);
                        break;
                    case "data_offsets" when offsets is null:
                        offsets = ReadNumbers(ref reader, name);
                        break;
                    default:
                        throw Malformed(path, $"tensor '{name}' has an unknown or repeated key '{key}'");
                }
            }

            if (type is null || shape is null || offsets is not { Length: 2 })
                throw Malformed(path, $"tensor '{name}' lacks its dtype, shape or two data_offsets");
            return Check(name, type.Value, shape.Value, offsets.Value[0], offsets.Value[1]);
        }

        private TensorEntry Check(string name, DType type, ImmutableArray<long> shape, long begin, long end)
        {
            if (begin > end || end > dataLength)
                throw Malformed(path, $"tensor '{name}' lies at bytes {begin} to {end} of {dataLength}: out of range, or the file was cut off");
            long size;
            try
            {
                size = TensorEntry.SizeOf(type, shape.AsSpan());
            }
            catch (OverflowException)
            {
                throw Malformed(path, $"tensor '{name}' of shape [{string.Join(", ", shape)}] is larger than any file");
            }

            if (size != end - begin)
                throw Malformed(path, $"tensor '{name}' of {type.Name()} [{string.Join(", ", shape)}] needs {size} bytes and has {end - begin}");
            if ((SafetensorsHeader.PrefixBytes + headerLength + begin) % type.Size() != 0)
                throw Malformed(path, $"tensor '{name}' does not start at a multiple of its element's {type.Size()} bytes");
            return new TensorEntry(name, type, shape, begin, size);
        }

        private void CheckPlaces(ImmutableArray<TensorEntry> ordered)
        {
            long end = 0;
            foreach (var tensor in ordered)
            {
                if (tensor.Offset != end)
                    throw Malformed(path, $"tensor '{tensor.Name}' {(tensor.Offset < end ? "overlaps another" : "leaves a hole before it")} at byte {tensor.Offset}");
                end += tensor.ByteLength;
            }

            if (end != dataLength)
                throw Malformed(path, $"its tensors end at byte {end} of {dataLength}");
        }

        private ImmutableArray<long> ReadNumbers(ref Utf8JsonReader reader, string name)
        {
            Expect(ref reader, JsonTokenType.StartArray, name);
            var numbers = ImmutableArray.CreateBuilder<long>();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0)
                    throw Malformed(path, $"tensor '{name}' has a shape or offset that is not a whole number from 0 to 2^63 - 1");
                numbers.Add(number);
            }

            return numbers.ToImmutable();
        }

        private static bool ReadKey(ref Utf8JsonReader reader, out string key)
        {
            reader.Read();
            key = reader.TokenType == JsonTokenType.PropertyName ? reader.GetString()! : "";
            return reader.TokenType == JsonTokenType.PropertyName;
        }

        private void Expect(ref Utf8JsonReader reader, JsonTokenType type, string name)
        {
            reader.Read();
            if (reader.TokenType != type)
                throw Malformed(path, $"'{name}' has a {reader.TokenType} where a {type} belongs");
        }
    }
}
