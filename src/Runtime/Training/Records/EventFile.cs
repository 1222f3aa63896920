using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// What TensorBoard reads: a file of TFRecords, each an <c>Event</c> message with scalars. Each start of a run has a file of its
/// own, later in name than those before; a session log says where it continues, so that TensorBoard drops what is void.
/// </summary>
/// <remarks>Format: TFRecord (tensorflow/core/lib/io/record_writer.h) and event.proto, summary.proto in tensorflow/core.</remarks>
internal sealed class EventFile : ITrainingObserver, IDisposable
{
    public const string Pattern = Prefix + "*";

    private const string Prefix = "events.out.tfevents.";
    private const int HeaderBytes = 12, FooterBytes = 4;

    private static readonly byte[]
        s_loss = "loss/train"u8.ToArray(), s_validation = "loss/validation"u8.ToArray(), s_bits = "bits-per-byte/validation"u8.ToArray(),
        s_norm = "gradient-norm"u8.ToArray(), s_rate = "learning-rate"u8.ToArray(), s_speed = "tokens-per-second"u8.ToArray();

    private readonly RecordFile _file;
    private readonly TimeProvider _time;
    private readonly Dictionary<string, byte[]> _tags = new(StringComparer.Ordinal);
    private readonly byte[] _record = new byte[64 * 1024];
    private int _end;
    private int _summary;

    public EventFile(string folder, TimeProvider time)
    {
        _time = time;
        var last = Directory.GetFiles(folder, Pattern)
            .Select(path => long.TryParse(Path.GetFileName(path).Split('.')[3], CultureInfo.InvariantCulture, out var number) ? number : 0)
            .DefaultIfEmpty(0).Max();
        var number = Math.Max(time.GetUtcNow().ToUnixTimeSeconds(), last + 1);
        _file = new RecordFile(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number:D10}.{Environment.MachineName}")), path =>
            new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete, bufferSize: 0));
        Begin(0);
        Bytes(3, "brain.Event:2"u8); // file_version
        Write();
    }

    public void Continues(int step)
    {
        Begin(step + 1); // the first step that is void
        Bytes(7, [0x08, 0x01]); // session_log { status: START }
        Write();
    }

    public void Stepped(StepReport report)
    {
        Begin(report.Step);
        BeginSummary();
        Scalar(s_loss, report.Loss);
        Scalar(s_norm, report.GradientNorm);
        Scalar(s_rate, report.LearningRate);
        Scalar(s_speed, report.Tokens / report.Seconds);
        for (var i = 0; i < (report.Metrics?.Count ?? 0); i++)
        {
            var (name, value) = report.Metrics![i];
            if (!_tags.TryGetValue(name, out var tag))
                _tags.Add(name, tag = Encoding.UTF8.GetBytes(name));
            Scalar(tag, value);
        }

        EndSummary();
        Write();
    }

    public void Validated(int step, EvaluationResult result)
    {
        Begin(step);
        BeginSummary();
        Scalar(s_validation, result.Loss);
        if (!double.IsNaN(result.BitsPerByte))
            Scalar(s_bits, result.BitsPerByte);
        EndSummary();
        Write();
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Rotated and offset, so that a checksum of data that holds checksums is not weak.</summary>
    internal static uint Masked(uint crc) => BitOperations.RotateRight(crc, 15) + 0xa282ead8;

    internal static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var value in bytes)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    private void Begin(int step)
    {
        _end = HeaderBytes;
        Add((1 << 3) | 1); // wall_time, double
        BinaryPrimitives.WriteDoubleLittleEndian(_record.AsSpan(_end), (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds);
        _end += 8;
        Add(2 << 3); // step, int64
        Varint((ulong)step);
    }

    private void BeginSummary()
    {
        Add((5 << 3) | 2);
        _summary = _end;
        _end += 3; // its length, in three bytes: up to 2 MiB
    }

    private void EndSummary()
    {
        var length = _end - _summary - 3;
        _record[_summary] = (byte)(length | 0x80);
        _record[_summary + 1] = (byte)((length >> 7) | 0x80);
        _record[_summary + 2] = (byte)(length >> 14);
    }

    private void Scalar(ReadOnlySpan<byte> tag, double value)
    {
        if (double.IsNaN(value))
            return; // nothing was reported
        Add((1 << 3) | 2); // value
        var lengthOfLength = tag.Length < 0x80 ? 1 : 2;
        Varint((ulong)(1 + lengthOfLength + tag.Length + 5));
        Bytes(1, tag);
        Add((2 << 3) | 5); // simple_value, float
        BinaryPrimitives.WriteSingleLittleEndian(_record.AsSpan(_end), (float)value);
        _end += 4;
    }

    private void Bytes(int field, ReadOnlySpan<byte> bytes)
    {
        Add((byte)((field << 3) | 2));
        Varint((ulong)bytes.Length);
        bytes.CopyTo(_record.AsSpan(_end));
        _end += bytes.Length;
    }

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            Add((byte)(value | 0x80));
        Add((byte)value);
    }

    private void Add(byte value) => _record[_end++] = value;

    private void Write()
    {
        var length = _end - HeaderBytes;
        BinaryPrimitives.WriteUInt64LittleEndian(_record, (ulong)length);
        BinaryPrimitives.WriteUInt32LittleEndian(_record.AsSpan(8), Masked(Crc32C(_record.AsSpan(0, 8))));
        BinaryPrimitives.WriteUInt32LittleEndian(_record.AsSpan(_end), Masked(Crc32C(_record.AsSpan(HeaderBytes, length))));
        _file.Write(_record.AsSpan(0, _end + FooterBytes));
    }
}
