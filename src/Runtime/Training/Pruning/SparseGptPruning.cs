using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>
/// Removes the weights with the smallest w² / [H⁻¹]ⱼⱼ, the error of a row's outputs that its other weights cannot make up for, and
/// changes those that follow so that they do: column by column, chosen anew every 128 (SparseGPT, Frantar and Alistarh 2023). H are
/// the second moments of the layer's inputs with a damping of 0.01.
/// </summary>
/// <inheritdoc cref="ScoredPruning(ParameterStore, IReadOnlyList{PrunedMatrix}, double, ComparedIn, SparsityPattern?)"/>
public sealed class SparseGptPruning(ParameterStore store, IReadOnlyList<PrunedMatrix> matrices, double sparsity, SparsityPattern? pattern = null)
    : PruningRule(store)
{
    private const double Damping = 0.01;

    private const long Block = 128;

    /// <inheritdoc/>
    public override double Sparsity => sparsity;

    internal override Observations Observations { get; } = new(Moments.Products);

    internal override void Choose(double share)
    {
        // Projections that one product computes have the same inputs.
        foreach (var inputs in matrices.GroupBy(matrix => matrix.Site))
        foreach (var set in inputs.SelectMany(matrix => Enumerable.Range(matrix.First, matrix.Matrices.Count)).Distinct())
        {
            using var scope = NewDisposeScope();
            var factor = SecondMoments.InverseFactor(Observations[inputs.Key, set], Damping);
            foreach (var matrix in inputs.Where(matrix => set >= matrix.First && set < matrix.First + matrix.Matrices.Count))
            {
                var (group, length) = (matrix.Matrices, matrix.Matrices.Rows * matrix.Matrices.Columns);
                var offset = group.Offset + ((set - matrix.First) * group.Stride);
                Prune(
                    Store.Master.narrow(0, offset, length).view(group.Rows, group.Columns),
                    Removed.narrow(0, offset, length).view(group.Rows, group.Columns), factor, share);
            }
        }
    }

    private void Prune(Tensor weight, Tensor removed, Tensor factor, double share)
    {
        for (var start = 0L; start < weight.size(1); start += Block)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(Block, weight.size(1) - start);
            var rest = weight.size(1) - start - count;
            var (columns, marks) = (weight.narrow(1, start, count), removed.narrow(1, start, count));
            var rows = factor.narrow(0, start, count);
            var within = rows.narrow(1, start, count);
            var errors = PruneBlock(columns, marks, within, share);
            if (rest > 0) weight.narrow(1, start + count, rest).sub_(errors.mm(rows.narrow(1, start + count, rest)));
        }
    }

    /// <returns>What each column is to be made up for by those behind the block, [rows, count].</returns>
    private Tensor PruneBlock(Tensor columns, Tensor marks, Tensor factor, double share)
    {
        var (count, diagonal) = (columns.size(1), factor.diag());
        if (pattern is null) marks.copy_(Choice(columns, marks, diagonal, count, share));
        var errors = zeros_like(columns);
        for (var j = 0L; j < count; j++)
        {
            using var scope = NewDisposeScope();
            if (pattern is { } groups && j % groups.Of == 0)
            {
                var group = marks.narrow(1, j, groups.Of);
                group.copy_(Choice(columns.narrow(1, j, groups.Of), group, diagonal.narrow(0, j, groups.Of), groups.Of, share));
            }

            var (column, mark) = (columns.narrow(1, j, 1), marks.narrow(1, j, 1));
            var error = column.masked_fill(mark.logical_not(), 0).div_(diagonal.narrow(0, j, 1));
            columns.narrow(1, j, count - j).sub_(error.mm(factor.narrow(0, j, 1).narrow(1, j, count - j)));
            column.masked_fill_(mark, 0);
            errors.narrow(1, j, 1).copy_(error);
        }

        return errors;
    }

    /// <summary>The cheapest of a block, all rows together, or of each row's group; what is removed already stays so.</summary>
    private Tensor Choice(Tensor weight, Tensor removed, Tensor diagonal, long group, double share)
    {
        var costs = (weight / diagonal).square().masked_fill_(removed, -1);
        var rows = pattern is null ? costs.reshape(1, -1) : costs.reshape(-1, group);
        return Lowest.Of(rows, (long)Math.Round(share * sparsity * rows.size(1), MidpointRounding.AwayFromZero)).view(weight.shape);
    }
}
