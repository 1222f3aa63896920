using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx;

public sealed partial class OnnxGraph
{
    internal const string PastStates = "past_states.", PresentStates = "present_states.";

    /// <summary>
    /// A causal convolution of each channel by itself over the sequence (ONNX Runtime's CausalConvWithState). The K − 1 rows before are
    /// a state [batch, C, K − 1], zeros where a text begins, updated in place.
    /// </summary>
    /// <param name="weight">[K, C]</param>
    public OnnxValue Convolution(string name, OnnxValue x, Tensor weight)
    {
        var (scope, site, kernel) = (Inner(name), Number(_shared.States++), (int)weight.size(0));
        string[] shape = ["batch", Number(x.Width), Number(kernel - 1)];
        var past = Builder.Input(PastStates + site, DataType.Float, shape);
        Builder.Output(PresentStates + site, DataType.Float, shape);
        var taps = Builder.Once(scope["weight"], weight, "fp32 taps", () =>
        {
            using var host = weight.to(ScalarType.Float32, CPU);
            using var view = host.t();
            using var rows = view.contiguous();
            return Builder.Constant(scope["weight"], DataType.Float, OnnxBuilder.Floats(rows), x.Width, 1, kernel);
        });
        var channels = scope.Transpose("channels", x.Name, 0, 2, 1);
        if (_shared.IsStandard) StandardConvolution(scope, channels, taps, x.Width, kernel, past, PresentStates + site);
        else Builder.Node("CausalConvWithState", OnnxBuilder.Microsoft, [channels, taps, "", past], [scope["convolved"], PresentStates + site]);
        return x with { Name = Builder.Node("Transpose", "", Scoped(name), [scope["convolved"]], OnnxBuilder.Attribute("perm", [0, 2, 1])) };
    }
}
