using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>
/// Removes the weights that training has moved towards zero: those with the least sums of −w · ∂L/∂w over the steps, which is what
/// plain gradient descent on scores gives under a straight-through gradient (Sanh et al. 2020). As there, a removed weight keeps its last
/// value aside and its gradient goes on changing its score, so that it may come back. State: <c>score</c>, <c>held</c>.
/// </summary>
public sealed class MovementPruning : ScoredPruning
{
    private readonly Tensor _scores, _held, _product;

    /// <inheritdoc cref="ScoredPruning(ParameterStore, IReadOnlyList{PrunedMatrix}, double, ComparedIn, SparsityPattern?)"/>
    public MovementPruning(
        ParameterStore store, IReadOnlyList<PrunedMatrix> matrices, double sparsity, ComparedIn within = ComparedIn.Matrix, SparsityPattern? pattern = null)
        : base(store, matrices, sparsity, within, pattern) => (_scores, _held, _product) = (NewBuffer(), NewBuffer(), NewBuffer());

    private protected override bool Returns => true;

    internal override void Gather(double lossScale)
    {
        _product.copy_(Store.Master).add_(_held).mul_(Store.Gradients);
        using var sum = _product.sum();
        if (!float.IsFinite(sum.item<float>())) return; // no step is made of such gradients
        _scores.add_(_product, -1 / lossScale);
    }

    internal override void Reveal()
    {
        Store.Master.add_(_held);
        _held.zero_();
    }

    internal override void Hide()
    {
        using var kept = Removed.logical_not();
        _held.copy_(Store.Master).masked_fill_(kept, 0);
    }

    internal override void Describe(CheckpointTable table)
    {
        table.Parameters("score", _scores);
        table.Parameters("held", _held);
    }

    private protected override Tensor Score(PrunedMatrix matrix, int set, Tensor weight) =>
        _scores.narrow(0, matrix.Matrices.Offset + ((set - matrix.First) * matrix.Matrices.Stride), weight.numel()).view(weight.shape);
}
