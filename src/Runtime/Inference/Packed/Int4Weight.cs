using ModelCompiler.Runtime.Native;
using ModelCompiler.Runtime.Onnx.Rounding;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Inference.Packed;

/// <summary>Weights of 4 bits, a scale and an offset for each group of a row (libtorch's <c>_weight_int4pack_mm</c>).</summary>
internal sealed class Int4Weight : PackedWeight
{
    /// <summary>What libtorch counts from: its weights are (code − 8) · scale + offset.</summary>
    private const int Zero = 8;

    /// <summary>Tiles of 16 columns that a thread of the CUDA kernel reads at a time.</summary>
    private const int Tiles = 8;

    private readonly Tensor _codes, _scales;
    private readonly long _group;
    private readonly bool _cuda;

    /// <param name="weight">Its integers, and scales and zero points of groups.</param>
    /// <param name="group">Weights that share a scale.</param>
    /// <param name="rows">M</param>
    /// <param name="columns">K</param>
    /// <param name="device">Where products are.</param>
    public Int4Weight(RoundedWeight weight, int group, int rows, int columns, Device device)
        : base(columns)
    {
        (_group, _cuda) = (group, device.type == DeviceType.CUDA);
        using var scope = NewDisposeScope();
        var codes = tensor(weight.Codes, [rows, columns]).to(device).to(ScalarType.Int32) + Zero;
        _codes = Pack(codes, _cuda).DetachFromDisposeScope();
        var scales = tensor(weight.Scales, [rows, columns / group]);
        var zeros = tensor(weight.Zeros, [rows, columns / group]).to(ScalarType.Float32);
        _scales = stack([scales.t(), (-scales * zeros).t()], 2).to(ScalarType.BFloat16).to(device).contiguous().DetachFromDisposeScope();
    }

    /// <returns>Why the product does not take a weight; null where it does.</returns>
    public static string? Obstacle(int group, int rows, int columns, Device device)
    {
        var (each, whole) = device.type == DeviceType.CUDA ? (8, 16 * Tiles) : (16, 1);
        return group is not (32 or 64 or 128 or 256) ? $"libtorch has products with int4 weights in groups of 32, 64, 128 or 256, and not of {group}"
            : columns % group != 0 ? $"libtorch's product with int4 weights takes whole groups, and {columns} columns are no multiple of {group}"
            : rows % each != 0 ? $"libtorch's product with int4 weights takes multiples of {each} rows, and it has {rows}"
            : columns % whole != 0 ? $"libtorch's product with int4 weights takes multiples of {whole} columns on CUDA, and it has {columns}"
            : null;
    }

    public override void Dispose()
    {
        _codes.Dispose();
        _scales.Dispose();
    }

    protected override void Multiply(scoped NativeTensor x, Tensor y)
    {
        var call = new OperatorCall(_cuda ? "aten::_weight_int4pack_mm"u8 : "aten::_weight_int4pack_mm_for_cpu"u8);
        call.Add(x);
        call.Add(_codes);
        call.Add(_group);
        call.Add(_scales);
        call.InvokeInto(1, y);
    }

    private static Tensor Pack(Tensor codes, bool cuda)
    {
        var call = new OperatorCall(cuda ? "aten::_convert_weight_to_int4pack"u8 : "aten::_convert_weight_to_int4pack_for_cpu"u8);
        // On CUDA it takes bytes of two codes, the first in the upper half.
        if (cuda) codes = ((codes.slice(1, 0, codes.size(1), 2) * 16) + codes.slice(1, 1, codes.size(1), 2)).to(ScalarType.Byte).contiguous();
        call.Add(codes);
        call.Add((long)Tiles);
        return call.InvokeNew();
    }
}
