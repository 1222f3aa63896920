using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data.Batches;

namespace ModelCompiler.Runtime.Data.Tasks;

/// <summary>
/// Batches of tasks: of each, B rows of its support set and B of its query set, which share no example. A function of seed and number.
/// Every task comes once in an epoch.
/// </summary>
public sealed class TaskBatches : IBatchSource
{
    private readonly ITaskSource _source;
    private readonly MetaSpec _meta;
    private readonly bool _heldOut;
    private readonly int _count, _tasks, _rows;
    private readonly ulong _seed;

    /// <param name="source">Where the tasks come from.</param>
    /// <param name="meta">The sizes of the sets, filled in.</param>
    /// <param name="heldOut">Whether tasks are drawn that are held out.</param>
    /// <param name="tasks">Tasks in a batch.</param>
    /// <param name="rows">Rows of a set, B.</param>
    /// <param name="length">Elements of a row.</param>
    /// <param name="seed">Decides the order of tasks and the examples in the sets.</param>
    /// <exception cref="DataException">There are no tasks.</exception>
    public TaskBatches(ITaskSource source, MetaSpec meta, bool heldOut, int tasks, int rows, int length, int seed)
    {
        (_source, _meta, _heldOut, _tasks, _rows, Sequence) = (source, meta, heldOut, tasks, rows, length);
        _count = source.Count(heldOut);
        if (_count < 1) throw new DataException("There are no tasks to train on; give data with at least one.");
        _seed = Shuffle.Mix((ulong)seed ^ 0x7A5C);
    }

    public int Batch => _tasks * 2 * _rows;

    public int Sequence { get; }

    public void Fill(long index, Span<long> tokens, Span<long> targets)
    {
        var set = _rows * Sequence;
        for (var i = 0; i < _tasks; i++)
        {
            var place = (index * _tasks) + i;
            var (epoch, within) = Math.DivRem(place, _count);
            var task = (int)new Shuffle(_count, Shuffle.Mix(_seed + (ulong)epoch))[within];
            var examples = _source.Examples(task, _heldOut);
            Check(examples, task);
            var order = new Shuffle(examples.Count, Shuffle.Mix(~_seed + (ulong)place));
            Write(0, _meta.Support!.Value, tokens.Slice(2 * i * set, set), targets.Slice(2 * i * set, set));
            Write(_meta.Support!.Value, _meta.Query!.Value, tokens.Slice(((2 * i) + 1) * set, set), targets.Slice(((2 * i) + 1) * set, set));

            void Write(int first, int count, Span<long> into, Span<long> wanted) =>
                examples.Write([.. Enumerable.Range(first, count).Select(e => (int)order[e])], into, wanted);
        }
    }

    private void Check(TaskExamples examples, int task)
    {
        var needed = _meta.Support!.Value + _meta.Query!.Value;
        if (examples.Count < needed)
            throw new DataException($"Task {task} has {examples.Count} examples, but its support set and query set need {needed}; give more, or smaller sets in training.meta.");
        if (examples.Length != Sequence)
            throw new DataException($"The examples of task {task} have {examples.Length} elements, but the model reads {Sequence}; give as many.");
    }
}
