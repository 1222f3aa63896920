using TorchSharp;

namespace ModelCompiler.Runtime.Memory;

/// <summary>Tensors of one owner, freed together. They belong to no dispose scope that happens to be open.</summary>
/// <param name="device">Where they lie.</param>
public sealed class TensorPool(torch.Device device) : IDisposable
{
    private readonly List<torch.Tensor> _tensors = [];

    /// <summary>A tensor of undefined content.</summary>
    public torch.Tensor Empty(torch.ScalarType type, ReadOnlySpan<long> shape) => Add(torch.empty(shape, type, device));

    /// <summary>The row of a matrix as a matrix of one row, without a copy.</summary>
    public torch.Tensor Row(torch.Tensor matrix, long row) => Add(matrix.narrow(0, row, 1));

    public void Dispose()
    {
        foreach (var tensor in _tensors) tensor.Dispose();
        _tensors.Clear();
    }

    private torch.Tensor Add(torch.Tensor tensor)
    {
        _tensors.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }
}
