using ModelCompiler.ModelDsl;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>
/// Removes whole parts: heads, neurons, layers, channels. In training all their parameters are zero, so that the model computes what the
/// smaller one does that <see cref="PrunedModel"/> makes of what is left. Parts are compared by their weights, by what they give to the
/// next layer, or by the loss without them; what is removed stays removed. State: which parts are, and <c>taylor</c> the sums of the latter.
/// </summary>
public sealed class StructuredPruning : PruningRule
{
    private readonly IReadOnlyList<PrunedStructure> _structures;
    private readonly Importance _importance;
    private readonly Tensor[] _gone, _taylor;
    private readonly Tensor? _product;

    /// <param name="store">The parameters.</param>
    /// <param name="structures">The parts.</param>
    /// <param name="importance">By what they are compared.</param>
    public StructuredPruning(ParameterStore store, IReadOnlyList<PrunedStructure> structures, Importance importance)
        : base(store)
    {
        (_structures, _importance) = (structures, importance);
        _gone = [.. structures.Select(s => Own(zeros([s.Choices, s.Groups], ScalarType.Bool, store.Master.device)))];
        _taylor = importance != Importance.Taylor ? [] : [.. structures.Select(s => Own(zeros([s.Choices, s.Groups], ScalarType.Float32, store.Master.device)))];
        if (importance == Importance.Taylor) _product = NewBuffer();
        if (importance == Importance.Activation) Observations = new Observations(Moments.Squares);
        Sparsity = Largest();
    }

    /// <inheritdoc/>
    public override double Sparsity { get; }

    internal override Observations? Observations { get; }

    internal override void Gather(double lossScale)
    {
        if (_product is null) return;
        using var scope = NewDisposeScope();
        _product.copy_(Store.Master).mul_(Store.Gradients);
        if (!float.IsFinite(_product.sum().item<float>())) return; // no step is made of such gradients
        for (var s = 0; s < _structures.Count; s++)
            for (var choice = 0; choice < _structures[s].Choices; choice++)
                _taylor[s][choice].add_(_structures[s].Sums(_product, choice).div_(lossScale).square(), HeldScalars.One);
    }

    internal override void Choose(double share)
    {
        using var scope = NewDisposeScope();
        Removed.zero_();
        using var squares = _importance == Importance.Weight ? Store.Master.square() : null;
        for (var s = 0; s < _structures.Count; s++)
        {
            var structure = _structures[s];
            var count = (long)Math.Round(share * (structure.Groups - structure.Kept), MidpointRounding.AwayFromZero);
            for (var choice = 0; choice < structure.Choices; choice++)
            {
                var gone = _gone[s][choice];
                var scores = _importance switch
                {
                    Importance.Weight => structure.Sums(squares!, choice),
                    Importance.Taylor => _taylor[s][choice],
                    _ => Activations(structure, choice),
                };
                gone.copy_(Lowest.Of(scores.masked_fill(gone, double.NegativeInfinity).view(1, -1), count)[0]);
                structure.Mark(Removed, choice, gone);
            }
        }
    }

    internal override void Describe(CheckpointTable table)
    {
        for (var s = 0; s < _gone.Length; s++) table.Tensor($"parts.{s}", _gone[s]);
        for (var s = 0; s < _taylor.Length; s++) table.Tensor($"taylor.{s}", _taylor[s]);
    }

    /// <summary>What each part gives to the products that read it, as a share of what they read; of a layer how far it turns the stream.</summary>
    private Tensor Activations(PrunedStructure structure, int choice)
    {
        if (structure.Kind == PrunedPartKind.Layers)
            return stack([.. Enumerable.Range(0, structure.Groups).Select(layer => Observations![Observations.LayerSite, layer])]);
        var sums = zeros([structure.Groups], ScalarType.Float32, Store.Master.device);
        foreach (var axis in structure.Axes.Where(axis => axis.Site >= 0).DistinctBy(axis => axis.Site))
            foreach (var set in structure.Kind == PrunedPartKind.Width ? Enumerable.Range(0, axis.Count) : [choice])
                if (Observations!.Find(axis.Site, set) is { } squares) // an embedding is read by no product
                    sums.add_((squares / squares.sum()).view(structure.Groups, -1).sum([1]), HeldScalars.One);
        return sums;
    }

    /// <summary>The share of all parameters that is removed in the end.</summary>
    private double Largest()
    {
        using var scope = NewDisposeScope();
        foreach (var structure in _structures)
            for (var choice = 0; choice < structure.Choices; choice++)
                structure.Mark(Removed, choice, arange(structure.Groups, device: Store.Master.device) >= structure.Kept);
        var share = (double)Removed.sum().item<long>() / Store.ParameterCount;
        Removed.zero_();
        return share;
    }
}
