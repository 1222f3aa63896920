using ModelCompiler.Runtime.Native;
using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Inference.Packed;

/// <summary>Weights in bytes, a scale for each row (libtorch's <c>_weight_int8pack_mm</c>).</summary>
internal sealed class Int8Weight : PackedWeight
{
    /// <summary>Columns that the product reads at a time. It does not check that rows begin at multiples of it.</summary>
    private const int Columns = 16;

    private readonly Tensor _codes, _scales;

    /// <param name="weight">Its symmetric integers, one scale a row.</param>
    /// <param name="rows">M</param>
    /// <param name="columns">K</param>
    /// <param name="device">Where products are.</param>
    public Int8Weight(RoundedWeight weight, int rows, int columns, Device device)
        : base(columns)
    {
        using var scope = NewDisposeScope();
        // A copy in libtorch's own memory: the product reads 16 bytes from addresses that must be multiples of 16, without a check.
        _codes = tensor(weight.Codes, [rows, columns]).clone().to(device).DetachFromDisposeScope();
        _scales = tensor(weight.Scales).to(ScalarType.BFloat16).to(device).DetachFromDisposeScope();
    }

    /// <returns>Why the product does not take a weight; null where it does.</returns>
    public static string? Obstacle(int columns) =>
        columns % Columns == 0 ? null : $"libtorch's product with int8 weights reads {Columns} columns at a time, and it has {columns}";

    public override void Dispose()
    {
        _codes.Dispose();
        _scales.Dispose();
    }

    protected override void Multiply(scoped NativeTensor x, Tensor y)
    {
        var call = new OperatorCall("aten::_weight_int8pack_mm"u8);
        call.Add(x);
        call.Add(_codes);
        call.Add(_scales);
        call.InvokeInto(1, y);
    }
}
