using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>
/// Removes in each row the weights with the smallest |w| · ‖x‖₂, where x are the values of the input that the weight is multiplied
/// with (Wanda, Sun et al. 2023).
/// </summary>
/// <inheritdoc cref="ScoredPruning(ParameterStore, IReadOnlyList{PrunedMatrix}, double, ComparedIn, SparsityPattern?)"/>
public sealed class WandaPruning(ParameterStore store, IReadOnlyList<PrunedMatrix> matrices, double sparsity, SparsityPattern? pattern = null)
    : ScoredPruning(store, matrices, sparsity, ComparedIn.Row, pattern)
{
    internal override Observations Observations { get; } = new(Moments.Squares);

    private protected override Tensor Score(PrunedMatrix matrix, int set, Tensor weight) =>
        weight.abs() * Observations[matrix.Site, set].sqrt();
}
