using System.Globalization;
using ModelCompiler.Runtime.Onnx.Messages;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>
/// The weights of an ONNX model in a file beside it, which has no limit of 2 GB and is mapped into memory. Each starts at a multiple of
/// 64 bytes; from a mebibyte on at a multiple of a page, as the runtime asks for what it maps.
/// </summary>
internal sealed class ExternalData(Stream stream, string location)
{
    private const int Small = 64, Page = 4096, Large = 1 << 20;

    /// <summary>Bytes written so far.</summary>
    public long Length => stream.Position;

    /// <summary>Appends the bytes of a tensor and says in the tensor where they are.</summary>
    public void Append(TensorProto tensor, ReadOnlySpan<byte> bytes)
    {
        var alignment = bytes.Length >= Large ? Page : Small;
        var offset = (stream.Position + alignment - 1) / alignment * alignment;
        stream.Write(new byte[offset - stream.Position]);
        stream.Write(bytes);
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset.ToString(CultureInfo.InvariantCulture) });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = bytes.Length.ToString(CultureInfo.InvariantCulture) });
    }
}
