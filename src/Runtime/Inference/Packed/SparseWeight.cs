using ModelCompiler.Runtime.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Inference.Packed;

/// <summary>
/// Weights of the pattern 2:4 for NVIDIA's sparse tensor cores: of four neighbours in a row two are stored, and where they stand
/// (Mishra et al. 2021, <i>Accelerating sparse deep neural networks</i>), by cuSPARSELt behind libtorch's <c>_cslt_compress</c> and
/// <c>_cslt_sparse_mm</c>. In half precision, on CUDA.
/// </summary>
internal sealed class SparseWeight : LinearWeight
{
    /// <summary>Rows of activations that the product takes at a time.</summary>
    private const int Rows = 8;

    /// <summary>What both sides of a weight are multiples of.</summary>
    private const int Sides = 16;

    /// <summary>Of the largest element, between this product and that of the weight as it is: both round to half precision.</summary>
    private const double Tolerance = 1.0 / 64;

    private readonly Tensor _compressed;
    private readonly ScalarType _type;

    private SparseWeight(Tensor weight)
    {
        _type = weight.dtype;
        var call = new OperatorCall("aten::_cslt_compress"u8);
        call.Add(weight);
        _compressed = call.InvokeNew().DetachFromDisposeScope();
    }

    /// <summary>The weight in this form, once its product has been compared with that of the weight itself; null where it has none.</summary>
    /// <param name="weight">[M, K], contiguous, in the model's compute type.</param>
    /// <param name="obstacle">Why there is none.</param>
    public static SparseWeight? Of(Tensor weight, out string? obstacle)
    {
        obstacle = Obstacle(weight);
        if (obstacle is not null) return null;
        SparseWeight? made = null;
        var holds = false;
        try
        {
            made = new SparseWeight(weight);
            holds = made.Error(weight) < Tolerance;
            if (holds) return made;
            obstacle = "its product by cuSPARSELt is not that of the weight";
        }
        catch (NativeException)
        {
            obstacle = "libtorch's cuSPARSELt does not run on this device";
        }
        finally
        {
            if (!holds) made?.Dispose();
        }

        return null;
    }

    /// <returns>Why sparse tensor cores do not take a weight, as far as itself tells; null where they do.</returns>
    public static string? Obstacle(Tensor weight) =>
        weight.dtype is not (ScalarType.BFloat16 or ScalarType.Float16) ? $"sparse tensor cores multiply in half precision, and it has {weight.dtype}"
        : weight.size(0) % Sides != 0 || weight.size(1) % Sides != 0 ? $"both sides must be multiples of {Sides}, and it has {weight.size(0)} × {weight.size(1)}"
        : !HasPattern(weight) ? "its zeros have not the pattern 2:4"
        : weight.device_type != DeviceType.CUDA ? "sparse tensor cores are a CUDA device's"
        : null;

    public override void Dispose() => _compressed.Dispose();

    internal override void Multiply(Tensor x, Tensor? bias, Tensor y)
    {
        using var scope = NewDisposeScope();
        var count = x.size(0);
        var call = new OperatorCall("aten::_cslt_sparse_mm"u8);
        call.Add(_compressed);
        call.Add(Filled(x, _type).t());
        call.AddNone(); // bias: of the weight's rows, which are y's columns
        call.AddNone(); // a scale
        call.AddNone(); // the result's type
        call.Add(true); // transposed: [N, M]
        call.Add(0L); // the default algorithm, in one part
        call.Add(1L);
        call.Add(-1L);
        y.copy_(call.InvokeNew().narrow(0, 0, count));
        if (bias is not null) Kernels.AddBias(y, bias, y);
    }

    /// <summary>Rows in a type, with zeros behind them up to a multiple of what the product takes.</summary>
    /// <param name="x">[N, K]</param>
    /// <param name="type">The weight's.</param>
    internal static Tensor Filled(Tensor x, ScalarType type)
    {
        var (count, missing) = (x.size(0), (Rows - (x.size(0) % Rows)) % Rows);
        if (missing == 0) return x.to(type).contiguous();
        var filled = zeros([count + missing, x.size(1)], type, x.device);
        filled.narrow(0, 0, count).copy_(x);
        return filled;
    }

    private static bool HasPattern(Tensor weight)
    {
        using var scope = NewDisposeScope();
        return (weight.view(-1, 4) != 0).sum(1).max().item<long>() <= 2;
    }

    /// <summary>The largest difference of the products, against the largest element.</summary>
    private double Error(Tensor weight)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1, CPU);
        var x = randn([Rows + 1, weight.size(1)], generator: generator).to(weight.device).to(_type);
        var (expected, actual) = (empty([Rows + 1, weight.size(0)], _type, weight.device), empty([Rows + 1, weight.size(0)], _type, weight.device));
        Plain(weight).Multiply(x, null, expected);
        Multiply(x, null, actual);
        var wide = expected.to(ScalarType.Float32);
        return ((actual.to(ScalarType.Float32) - wide).abs().max() / wide.abs().max().clamp_min(1e-30)).item<float>();
    }
}
