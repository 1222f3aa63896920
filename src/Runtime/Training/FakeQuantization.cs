using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Onnx.Rounding;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training;

/// <summary>
/// Rounds the weights of linear layers to what an export makes of them, for the products of training to read (quantization-aware training,
/// Jacob et al. 2018).
/// </summary>
internal sealed class FakeQuantization
{
    private readonly List<(ParameterInfo Info, RoundingGrid Grid)> _weights = [];

    public FakeQuantization(IReadOnlyList<ParameterInfo> layout, QuantizationSpec quantization)
    {
        var plan = new QuantizationPlan(quantization);
        foreach (var info in layout)
            if (info.Layer is { } layer && plan.GridOf(layer, (int)info.Shape[1]) is { } grid) _weights.Add((info, grid));
    }

    /// <param name="masters">fp32 [Length]</param>
    /// <param name="into">[Length] of the compute type; what is not rounded stays as it is.</param>
    public void Round(Tensor masters, Tensor into)
    {
        foreach (var (info, grid) in _weights)
        {
            using var weight = View(masters, info);
            using var rounded = View(into, info);
            Kernels.FakeQuantize(weight, grid.Bits, grid.Group, grid.Symmetric, rounded);
        }
    }

    private static Tensor View(Tensor buffer, ParameterInfo info)
    {
        using var flat = buffer.narrow(0, info.Offset, info.Length);
        return flat.view(info.Shape);
    }
}
