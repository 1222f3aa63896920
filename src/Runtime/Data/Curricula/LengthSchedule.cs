using System.Globalization;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.Data.Curricula;

/// <summary>The sequence length of each batch, and how far each row of a batch has come in its text by then.</summary>
public sealed class LengthSchedule : ICurriculum
{
    private readonly List<(long First, int Length, long Position)> _runs = [];

    /// <summary>The same length for all.</summary>
    public LengthSchedule(int length) => _runs.Add((0, length, 0));

    /// <summary>The lengths of a curriculum: the longest that there is up to where it stands, and never a shorter one again.</summary>
    /// <param name="pace">The curriculum.</param>
    /// <param name="lengths">The lengths that the model has a step for, ascending; after the curriculum comes the last.</param>
    internal LengthSchedule(Pace pace, IReadOnlyList<int> lengths)
    {
        for (var step = 0; step < pace.Steps; step++)
        {
            var reached = pace.At(step);
            Add(step, lengths.LastOrDefault(length => length <= reached, lengths[0]));
        }

        Add(pace.Steps, lengths[^1]);
    }

    /// <summary>The first batch from which on all have the last length.</summary>
    public long LastFrom => _runs[^1].First;

    string ICurriculum.Metric => "sequence-length";

    /// <summary>Tokens of each row of a batch.</summary>
    public int Length(long batch) => Run(batch).Length;

    /// <summary>Tokens that each row of all batches before has had.</summary>
    public long Position(long batch)
    {
        var (first, length, position) = Run(batch);
        return position + ((batch - first) * length);
    }

    double ICurriculum.At(long batch) => Length(batch);

    (string Name, string Value) ICurriculum.FactUpTo(long batch)
    {
        var made = _runs.Where(run => run.First <= batch).ToArray();
        var lengths = made.Select((run, i) =>
            string.Create(CultureInfo.InvariantCulture, $"{run.Length:N0} in {(i + 1 < made.Length ? made[i + 1].First : batch + 1) - run.First:N0} batches"));
        return ("sequence lengths", string.Join(", ", lengths));
    }

    string ICurriculum.Digest() => Pin.Digest<long>([.. _runs.SelectMany(run => new[] { run.First, run.Length })]);

    private void Add(long first, int length)
    {
        if (_runs.Count == 0)
            _runs.Add((first, length, 0));
        else if (length > _runs[^1].Length)
            _runs.Add((first, length, Position(first)));
    }

    private (long First, int Length, long Position) Run(long batch)
    {
        var last = _runs.Count - 1;
        while (_runs[last].First > batch)
            last--;
        return _runs[last];
    }
}
