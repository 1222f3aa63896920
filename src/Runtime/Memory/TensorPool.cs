using TorchSharp;

namespace ModelCompiler.Runtime.Memory;

/// <summary>Tensors of one owner, freed together. They belong to no dispose scope that happens to be open.</summary>
/// <param name="device">Where they lie.</param>
public sealed class TensorPool(torch.Device device) : IDisposable
{
    private readonly List<torch.Tensor> _tensors = [];

    /// <summary>A tensor of undefined content.</summary>
    public torch.Tensor Empty(torch.ScalarType type, ReadOnlySpan<long> shape) => Add(torch.empty(shape, type, device));

    /// <summary>Several of them.</summary>
    public torch.Tensor[] Empty(int count, torch.ScalarType type, ReadOnlySpan<long> shape)
    {
        var tensors = new torch.Tensor[count];
        for (var i = 0; i < count; i++) tensors[i] = Empty(type, shape);
        return tensors;
    }

    /// <summary>The last rows of a matrix, without a copy.</summary>
    public torch.Tensor LastRows(torch.Tensor matrix, long rows) => Add(matrix.narrow(0, matrix.size(0) - rows, rows));

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
