using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>Removes the weights of the smallest absolute value (Han et al. 2015). What is removed stays removed.</summary>
/// <inheritdoc cref="ScoredPruning(ParameterStore, IReadOnlyList{PrunedMatrix}, double, ComparedIn, SparsityPattern?)"/>
public sealed class MagnitudePruning(
    ParameterStore store, IReadOnlyList<PrunedMatrix> matrices, double sparsity, ComparedIn within = ComparedIn.Matrix, SparsityPattern? pattern = null)
    : ScoredPruning(store, matrices, sparsity, within, pattern)
{
    private protected override Tensor Score(PrunedMatrix matrix, int set, Tensor weight) => weight.abs();
}
