using System.Buffers.Binary;
using System.Text;

namespace ModelCompiler.Runtime.Tests.Training.Records;

/// <summary>Reads TensorBoard's event files, by the format's description and without any of the writer's code.</summary>
internal static class EventReader
{
    public sealed record Event(double WallTime, long Step, string? FileVersion, bool Starts, Dictionary<string, float> Scalars);

    public static List<Event> Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var events = new List<Event>();
        for (var at = 0; at < bytes.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
            Assert.Equal(MaskedCrc(bytes.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8)));
            var data = bytes.AsSpan(at + 12, length);
            Assert.Equal(MaskedCrc(data), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 12 + length)));
            events.Add(Parse(data));
            at += 16 + length;
        }

        return events;
    }

    /// <summary>CRC-32C (Castagnoli), bit by bit, then masked as TFRecord has it.</summary>
    public static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
        }

        crc = ~crc;
        return unchecked(((crc >> 15) | (crc << 17)) + 0xa282ead8);
    }

    private static Event Parse(ReadOnlySpan<byte> message)
    {
        var (wall, step, version, starts) = (0.0, 0L, (string?)null, false);
        var scalars = new Dictionary<string, float>();
        foreach (var (field, number, bytes) in Fields(message))
        {
            switch (field)
            {
                case 1: wall = BitConverter.UInt64BitsToDouble(number); break;
                case 2: step = (long)number; break;
                case 3: version = Encoding.UTF8.GetString(bytes); break;
                case 5:
                    foreach (var (_, _, value) in Fields(bytes))
                    {
                        var parts = Fields(value);
                        scalars.Add(
                            Encoding.UTF8.GetString(parts.Single(part => part.Field == 1).Bytes),
                            BitConverter.UInt32BitsToSingle((uint)parts.Single(part => part.Field == 2).Number));
                    }

                    break;
                case 7: starts = Fields(bytes).Any(part => part is { Field: 1, Number: 1 }); break;
            }
        }

        return new Event(wall, step, version, starts, scalars);
    }

    private static List<(int Field, ulong Number, byte[] Bytes)> Fields(ReadOnlySpan<byte> message)
    {
        var fields = new List<(int, ulong, byte[])>();
        while (!message.IsEmpty)
        {
            var key = Varint(ref message);
            ulong number = 0;
            byte[] bytes = [];
            switch (key & 7)
            {
                case 0: number = Varint(ref message); break;
                case 1:
                    number = BinaryPrimitives.ReadUInt64LittleEndian(message);
                    message = message[8..];
                    break;
                case 2:
                    var length = (int)Varint(ref message);
                    bytes = message[..length].ToArray();
                    message = message[length..];
                    break;
                case 5:
                    number = BinaryPrimitives.ReadUInt32LittleEndian(message);
                    message = message[4..];
                    break;
                default: Assert.Fail($"wire type {key & 7}"); break;
            }

            fields.Add(((int)(key >> 3), number, bytes));
        }

        return fields;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> message)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = message[0];
            message = message[1..];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
    }
}
