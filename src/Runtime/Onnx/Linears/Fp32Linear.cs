using TorchSharp;
using static TorchSharp.torch;
using DataType = ModelCompiler.Runtime.Onnx.Messages.TensorProto.Types.DataType;

namespace ModelCompiler.Runtime.Onnx.Linears;

/// <summary>A plain product in fp32. The weight is stored as [K, M], as MatMul reads it.</summary>
internal sealed class Fp32Linear : ILinearForm
{
    public string Write(OnnxBuilder builder, string name, string x, Tensor weight, Tensor? bias)
    {
        // A weight that is there already, the embedding of a tied head, is turned when the model is loaded.
        var transposed = builder.Find(weight) is { } tied
            ? builder.Node("Transpose", "", name + ".weight.transposed", [tied])
            : builder.Once(name + ".weight", weight, "fp32 transposed", () =>
            {
                using var host = weight.to(CPU);
                using var view = host.t();
                using var columns = view.contiguous();
                return builder.Constant(name + ".weight", DataType.Float, OnnxBuilder.Floats(columns), columns.shape);
            });
        if (bias is null) return builder.Node("MatMul", "", name, [x, transposed]);
        var product = builder.Node("MatMul", "", name + ".product", [x, transposed]);
        return builder.Node("Add", "", name, [product, builder.Weight(name + ".bias", bias)]);
    }
}
