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
    /// <summary>The site of whole layers.</summary>
    public const int LayerSite = -2;

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
        if (_sums.TryGetValue((site, set), out var before)) before.add_(sum, HeldScalars.One);
        else _sums.Add((site, set), sum.DetachFromDisposeScope());
    }

    /// <summary>The sums at a site; null where nothing was observed.</summary>
    public Tensor? Find(int site, int set) => _sums.GetValueOrDefault((site, set));

    /// <summary>Adds how far a layer turns the stream: 1 minus the cosine between its input and its output (Men et al. 2024), as a sum of one number.</summary>
    public void AddLayer(int layer, Tensor input, Tensor output)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (input.reshape(-1, input.size(-1)).to(ScalarType.Float32), output.reshape(-1, output.size(-1)).to(ScalarType.Float32));
        var turn = (1 - nn.functional.cosine_similarity(x, y, 1)).sum();
        if (_sums.TryGetValue((LayerSite, layer), out var before)) before.add_(turn, HeldScalars.One);
        else _sums.Add((LayerSite, layer), turn.DetachFromDisposeScope());
    }

    /// <summary>Forgets what was observed.</summary>
    public void Dispose()
    {
        foreach (var sum in _sums.Values) sum.Dispose();
        _sums.Clear();
    }
}
