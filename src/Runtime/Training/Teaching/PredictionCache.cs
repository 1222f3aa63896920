using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// A file of a teacher's likeliest tokens for every micro-batch of a run, in their order: for each the hash of its tokens, ids
/// (two bytes, or four in vocabularies above 65,536) and logarithms in fp32. It is written whole or not at all.
/// </summary>
internal sealed class PredictionCache : IDisposable
{
    private const string Version = "1", Tensor = "predictions";

    private readonly SafetensorsReader _reader;
    private readonly PredictionShape _shape;

    private PredictionCache(string path, SafetensorsReader reader, PredictionShape shape) => (Path, _reader, _shape) = (path, reader, shape);

    public string Path { get; }

    /// <summary>Micro-batches in the file.</summary>
    public long Records => _reader[Tensor].Shape[0];

    /// <summary>Where the predictions for a run lie, which their key decides.</summary>
    /// <param name="key">All that they depend on.</param>
    public static string PathOf(string key) => System.IO.Path.Combine(
        CacheFolder.Path, "teachers", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Version + " " + key)))[..32] + ".safetensors");

    /// <summary>Null for a file that is not there, damaged, or of fewer micro-batches: it is made again.</summary>
    public static PredictionCache? Open(string path, PredictionShape shape, long records)
    {
        if (!File.Exists(path)) return null;
        SafetensorsReader? reader = null;
        try
        {
            reader = SafetensorsReader.Open(path);
            if (reader.Contains(Tensor) && reader[Tensor].Shape is [var count, var bytes] && count >= records && bytes == shape.Bytes)
                return new PredictionCache(path, reader, shape);
        }
        catch (CheckpointException)
        {
        }

        reader?.Dispose();
        return null;
    }

    /// <summary>Lets a teacher predict micro-batch after micro-batch.</summary>
    /// <param name="path">The file.</param>
    /// <param name="shape">What is kept of each.</param>
    /// <param name="batches">All micro-batches [B·T], in their order; each is valid until the next.</param>
    /// <param name="records">Their number.</param>
    /// <param name="teacher">Predicts.</param>
    public static void Write(string path, PredictionShape shape, IEnumerable<ReadOnlyMemory<long>> batches, long records, ITeacherPass teacher)
    {
        var (ids, logs, record) = (new long[shape.Ids], new float[shape.Logs], new byte[shape.Bytes]);
        var tensor = new CheckpointTensor(Tensor, DType.U8, [records, shape.Bytes], stream =>
        {
            foreach (var tokens in batches)
            {
                teacher.Predict(tokens.Span, ids, logs);
                BitConverter.TryWriteBytes(record, Hash(tokens.Span));
                var at = sizeof(ulong);
                foreach (var id in ids)
                {
                    if (shape.IdBytes == 2) BitConverter.TryWriteBytes(record.AsSpan(at), (ushort)id);
                    else BitConverter.TryWriteBytes(record.AsSpan(at), (int)id);
                    at += shape.IdBytes;
                }

                MemoryMarshal.AsBytes<float>(logs).CopyTo(record.AsSpan(at));
                stream.Write(record);
            }
        });
        SafetensorsWriter.Write(path, [tensor], new Dictionary<string, string>());
    }

    /// <summary>Reads the predictions for a micro-batch.</summary>
    /// <param name="record">Its number.</param>
    /// <param name="tokens">Its tokens, which must be those that the teacher saw.</param>
    /// <param name="ids">[B·T, k]</param>
    /// <param name="logs">[B·T, k + 1]</param>
    /// <exception cref="DataException">The teacher saw other tokens there, or none.</exception>
    public unsafe void Read(long record, ReadOnlySpan<long> tokens, Span<long> ids, Span<float> logs)
    {
        if (record >= Records) throw Stale($"ends before micro-batch {record.ToString(CultureInfo.InvariantCulture)}");
        var bytes = new ReadOnlySpan<byte>((byte*)_reader.Address(Tensor) + (record * _shape.Bytes), checked((int)_shape.Bytes));
        if (BitConverter.ToUInt64(bytes) != Hash(tokens)) throw Stale($"was made of other tokens than those of micro-batch {record.ToString(CultureInfo.InvariantCulture)}");
        bytes = bytes[sizeof(ulong)..];
        if (_shape.IdBytes == 2)
            for (var i = 0; i < ids.Length; i++) ids[i] = BitConverter.ToUInt16(bytes[(2 * i)..]);
        else
            for (var i = 0; i < ids.Length; i++) ids[i] = BitConverter.ToInt32(bytes[(4 * i)..]);
        MemoryMarshal.Cast<byte, float>(bytes[(_shape.IdBytes * ids.Length)..]).CopyTo(logs);
    }

    public void Dispose() => _reader.Dispose();

    private DataException Stale(string what) => new($"The cache of the teacher's predictions '{Path}' {what}. Delete it, and it is made anew.");

    public static ulong Hash(ReadOnlySpan<long> tokens) => BitConverter.ToUInt64(SHA256.HashData(MemoryMarshal.AsBytes(tokens)));
}

/// <summary>What is kept of a micro-batch.</summary>
/// <param name="Rows">Its positions, B·T.</param>
/// <param name="K">Tokens for each.</param>
/// <param name="Vocabulary">Different tokens, V.</param>
internal readonly record struct PredictionShape(int Rows, int K, int Vocabulary)
{
    public int Ids => Rows * K;

    public int Logs => Rows * (K + 1);

    public int IdBytes => Vocabulary <= 65_536 ? 2 : 4;

    /// <summary>Of a record.</summary>
    public long Bytes => sizeof(ulong) + ((long)Ids * IdBytes) + ((long)Logs * sizeof(float));
}
