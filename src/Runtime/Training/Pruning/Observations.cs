using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>What is summed of the inputs x of a product.</summary>
internal enum Moments
{
    /// <summary>fp32 [K]: x².</summary>
    Squares,

    /// <summary>fp32 [K, K]: x · xᵀ.</summary>
    Products,
}

/// <summary>Sums over the inputs of products, by their site in the program and the set of parameters.</summary>
internal sealed class Observations(Moments moments) : IDisposable
{
    private readonly Dictionary<(int Site, int Set), Tensor> _sums = [];

    /// <exception cref="InvalidOperationException">Nothing was observed there.</exception>
    public Tensor this[int site, int set] => _sums.TryGetValue((site, set), out var sum) ? sum
        : throw new InvalidOperationException("Weights are to be removed by the inputs of their layers, but no batch has been trained on yet.");

    /// <param name="x">[N, K]</param>
    public void Add(int site, int set, Tensor x)
    {
        using var scope = NewDisposeScope();
        var values = x.reshape(-1, x.size(-1)).to(ScalarType.Float32);
        var sum = moments == Moments.Squares ? values.square().sum([0]) : SecondMoments.Of(values);
        if (_sums.TryGetValue((site, set), out var before)) before.add_(sum);
        else _sums.Add((site, set), sum.DetachFromDisposeScope());
    }

    /// <summary>Forgets what was observed.</summary>
    public void Dispose()
    {
        foreach (var sum in _sums.Values) sum.Dispose();
        _sums.Clear();
    }
}
