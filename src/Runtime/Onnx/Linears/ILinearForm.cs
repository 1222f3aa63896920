using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx.Linears;

/// <summary>How the product of a linear layer stands in an ONNX graph.</summary>
internal interface ILinearForm
{
    /// <summary>Writes x · weightᵀ + bias and returns its name.</summary>
    /// <param name="builder">The graph.</param>
    /// <param name="name">Of the layer and its result.</param>
    /// <param name="x">[.., K]</param>
    /// <param name="weight">fp32 [M, K]</param>
    /// <param name="bias">fp32 [M]</param>
    string Write(OnnxBuilder builder, string name, string x, Tensor weight, Tensor? bias);
}
