using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Inference;

/// <summary>What the rows of a pass are: as many new tokens of each of some sequences, one sequence after the other.</summary>
/// <param name="sequences">The sequences.</param>
/// <param name="positions">By sequence: its position before the new tokens; within the segment, where there is a memory of earlier ones.</param>
/// <param name="remembered">By sequence: positions of the memory that hold something.</param>
public readonly ref struct SequenceRows(ReadOnlySpan<int> sequences, ReadOnlySpan<int> positions, ReadOnlySpan<int> remembered)
{
    private readonly ReadOnlySpan<int> _sequences = sequences, _positions = positions, _remembered = remembered;

    /// <summary>Sequences.</summary>
    public int Count => _sequences.Length;

    /// <summary>The cache of the i-th sequence.</summary>
    public T Of<T>(T[] caches, int i) => caches[_sequences[i]];

    public int Position(int i) => _positions[_sequences[i]];

    public int Remembered(int i) => _remembered[_sequences[i]];

    /// <summary>Frees what <see cref="Rows"/> gives.</summary>
    internal IDisposable? Views() => Count > 1 ? NewDisposeScope() : null;

    /// <summary>The rows of the i-th sequence; the tensor itself where there is only one.</summary>
    public Tensor Rows(Tensor rows, int i)
    {
        if (Count == 1) return rows;
        var each = rows.size(0) / Count;
        return rows.narrow(0, i * each, each);
    }
}
