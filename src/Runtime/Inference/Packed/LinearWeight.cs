using ModelCompiler.Runtime.Implementations;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Inference.Packed;

/// <summary>The weight [M, K] of a linear layer in the form that an inference program multiplies with.</summary>
public abstract class LinearWeight : IDisposable
{
    /// <summary>y = x · weightᵀ + bias</summary>
    /// <param name="x">[N, K]</param>
    /// <param name="bias">[M], or null.</param>
    /// <param name="y">[N, M]</param>
    internal abstract void Multiply(Tensor x, Tensor? bias, Tensor y);

    /// <summary>Frees what the form has of its own.</summary>
    public abstract void Dispose();

    /// <summary>The weight as it is.</summary>
    /// <param name="weight">[M, K], a view that its store owns.</param>
    internal static LinearWeight Plain(Tensor weight) => new PlainWeight(weight);

    private sealed class PlainWeight(Tensor weight) : LinearWeight
    {
        internal override void Multiply(Tensor x, Tensor? bias, Tensor y) => AtenLinears.Linear(x, weight, bias, y);

        public override void Dispose()
        {
        }
    }
}
