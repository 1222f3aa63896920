using ModelCompiler.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Implementations;

/// <summary>
/// Matrix products with 8-bit operands by libtorch's <c>_scaled_mm</c>. Each operand is divided by a scale that puts its largest
/// magnitude at the end of the type's range; the scale is found anew at each use. The sum is fp32, the result bf16.
/// </summary>
internal static class AtenFp8
{
    // c10::ScalarType, which TorchSharp's enumeration does not reach.
    private const long E5M2 = 23, E4M3 = 24, BFloat16 = 15;

    public static void Linear(Tensor x, Tensor weight, Tensor y)
    {
        using var scope = NewDisposeScope();
        Multiply(new(x, E4M3), new(weight, E4M3), fast: true).InvokeInto(1, y);
    }

    public static void LinearGradInput(Tensor dy, Tensor weight, Tensor dx)
    {
        using var scope = NewDisposeScope();
        Multiply(new(dy, E5M2), new(weight.t(), E4M3), fast: false).InvokeInto(1, dx);
    }

    public static void LinearGradWeight(Tensor dy, Tensor x, bool accumulate, Tensor dWeight)
    {
        using var scope = NewDisposeScope();
        Aten.Store(Multiply(new(dy.t(), E5M2), new(x.t(), E4M3), fast: false).InvokeNew(), accumulate, dWeight);
    }

    /// <summary>a [N, K] · bᵀ, b [M, K]: rows by columns as tensor cores want them.</summary>
    private static OperatorCall Multiply(in Quantized a, in Quantized b, bool fast)
    {
        var call = new OperatorCall("aten::_scaled_mm"u8);
        call.Add(a.Values);
        call.Add(b.Values.t());
        call.Add(a.Scale);
        call.Add(b.Scale);
        call.AddNone(); // bias
        call.AddNone(); // scale of the result
        call.AddOptionalInteger(BFloat16);
        call.Add(fast); // sums within a tile in fewer bits, as is usual forward
        return call;
    }

    private readonly struct Quantized
    {
        public Quantized(Tensor x, long type)
        {
            var largest = type == E4M3 ? 448.0 : 57344;
            var wide = x.to(ScalarType.Float32);
            Scale = wide.abs().max().div_(largest).clamp_min_(1e-30);
            // Rounding up at the end of the range would give NaN in e4m3.
            var scaled = wide.div(Scale).clamp_(-largest, largest).contiguous();
            var call = new OperatorCall("aten::to"u8, "dtype"u8);
            call.Add(scaled);
            call.Add(type);
            call.Add(false); // non-blocking
            call.Add(false); // copy
            call.AddNone(); // memory format
            Values = call.InvokeNew();
        }

        public Tensor Values { get; }

        /// <summary>fp32 []: what the values are multiplied by.</summary>
        public Tensor Scale { get; }
    }
}
