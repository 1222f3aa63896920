using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Training.Pruning;

/// <summary>Of every <paramref name="Of"/> neighbours in a row <paramref name="Kept"/> are kept.</summary>
public readonly record struct SparsityPattern(int Kept, int Of);

/// <summary>What the weights of pruned matrices are compared in.</summary>
public enum ComparedIn
{
    /// <summary>Each row loses the same share.</summary>
    Row,

    /// <summary>Each matrix loses the same share.</summary>
    Matrix,

    /// <summary>All matrices together lose the share.</summary>
    All,
}

/// <summary>Removes the weights with the lowest scores: a share of them, or as many of every group as a pattern says.</summary>
/// <param name="store">The parameters.</param>
/// <param name="matrices">What is pruned.</param>
/// <param name="sparsity">Share that is removed in the end; a pattern's own.</param>
/// <param name="within">What weights are compared in; a pattern compares groups.</param>
/// <param name="pattern">The pattern; null for none.</param>
public abstract class ScoredPruning(
    ParameterStore store, IReadOnlyList<PrunedMatrix> matrices, double sparsity, ComparedIn within, SparsityPattern? pattern) : PruningRule(store)
{
    /// <inheritdoc/>
    public override double Sparsity => sparsity;

    /// <summary>Whether what is removed is compared anew at each choice, rather than stays removed.</summary>
    private protected virtual bool Returns => false;

    /// <summary>fp32 [rows, columns]: what a matrix's weights are worth.</summary>
    private protected abstract Tensor Score(PrunedMatrix matrix, int set, Tensor weight);

    internal override void Choose(double share)
    {
        using var scope = NewDisposeScope();
        var all = new List<(Tensor Removed, Tensor Scores)>();
        foreach (var matrix in matrices)
        {
            var (group, shape) = (matrix.Matrices, new[] { matrix.Matrices.Rows, matrix.Matrices.Columns });
            for (var i = 0; i < group.Count; i++)
            {
                var (offset, length) = (group.Offset + (i * group.Stride), group.Rows * group.Columns);
                var removed = Removed.narrow(0, offset, length).view(shape);
                var scores = Score(matrix, matrix.First + i, Store.Master.narrow(0, offset, length).view(shape));
                if (!Returns) scores = scores.masked_fill(removed, double.NegativeInfinity);
                if (within == ComparedIn.All && pattern is null) all.Add((removed, scores.reshape(-1)));
                else removed.copy_(Of(scores, share));
            }
        }

        if (all.Count == 0) return;
        var chosen = Lowest.Of(cat([.. all.Select(pair => pair.Scores)]).view(1, -1), Count(share, all.Sum(pair => pair.Scores.numel()))).view(-1);
        var start = 0L;
        foreach (var (removed, scores) in all)
        {
            removed.copy_(chosen.narrow(0, start, scores.numel()).view(removed.shape));
            start += scores.numel();
        }
    }

    private Tensor Of(Tensor scores, double share)
    {
        var rows = pattern is { } groups ? scores.reshape(-1, groups.Of) : within == ComparedIn.Row ? scores : scores.reshape(1, -1);
        return Lowest.Of(rows, Count(share, rows.size(1))).view(scores.shape);
    }

    private long Count(double share, long of) => (long)Math.Round(share * sparsity * of, MidpointRounding.AwayFromZero);
}
