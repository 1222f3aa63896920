using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Tasks;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Data.Tasks;

/// <summary>Tasks: which are held out, which examples a task's sets have, and what is refused.</summary>
public sealed class TaskBatchesTests : IDisposable
{
    private static readonly MetaSpec s_meta = new() { Method = MetaMethod.Maml, Support = 3, Query = 2 };
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Sets_of_a_task_share_no_example_and_follow_from_seed_and_number()
    {
        var (batches, again) = (Batches(seed: 1), Batches(seed: 1));
        var seen = new HashSet<long>();
        for (var index = 0; index < 4; index++)
        {
            var (inputs, targets) = (Fill(batches, index).Inputs, Fill(batches, index).Targets);
            Assert.Equal(inputs, Fill(again, index).Inputs);
            for (var task = 0; task < 2; task++)
            {
                var rows = Enumerable.Range(task * 6, 6).ToArray();
                var used = rows.Where(r => !double.IsNaN(BitConverter.Int64BitsToDouble(targets[r]))).ToArray();
                Assert.Equal([0, 1, 2, 3, 4], used.Select(r => r - (task * 6))); // three of the support set, two of the query set
                var numbers = used.Select(r => (int)BitConverter.Int64BitsToDouble(inputs[r])).ToArray();
                Assert.Equal(5, numbers.Distinct().Count());
                seen.Add(Assert.Single(numbers.Select(n => (long)(n / 100)).Distinct()));
            }
        }

        Assert.Equal(8, seen.Count); // every task once in an epoch
        Assert.NotEqual(Fill(batches, 0).Inputs, Fill(Batches(seed: 2), 0).Inputs);
    }

    [Fact]
    public void Too_few_examples_are_refused_with_the_remedy()
    {
        var batches = new TaskBatches(new Numbered(4), s_meta, heldOut: false, tasks: 1, rows: 3, length: 1, seed: 1);
        var failure = Assert.Throws<DataException>(() => Fill(batches, 0));
        Assert.Contains("has 4 examples, but its support set and query set need 5", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TaskKind.Field)]
    [InlineData(TaskKind.Folder)]
    public void Whole_tasks_are_held_out(TaskKind by)
    {
        WriteTexts(by);
        using var data = Dataset.Open(Settings(by), 256);
        var tasks = data.Tasks(context: 8);
        Assert.Equal((6, 2), (tasks.Count(heldOut: false), tasks.Count(heldOut: true))); // of eight; the ninth has too few texts
        var texts = new[] { false, true }.SelectMany(heldOut => Enumerable.Range(0, tasks.Count(heldOut)).Select(t => tasks.Examples(t, heldOut)));
        Assert.Equal([.. Enumerable.Repeat(6, 8)], texts.Select(t => t.Count));

        // The documents of a task begin with its name.
        var (tokens, targets) = tasks.Examples(0, heldOut: true).ToBatch(6);
        Assert.Single(Enumerable.Range(0, 6).Select(r => tokens[r * 8]).Distinct());
        Assert.Equal(tokens[1..3], targets[0..2]);
    }

    [Fact]
    public void Shorter_documents_have_nothing_to_predict_behind_their_end()
    {
        var examples = TaskExamples.OfTexts(["ab", "abcdef"], new ByteTokenizer(), context: 4);
        var (tokens, targets) = examples.ToBatch(3);
        Assert.Equal([.. "ab\0\0abcd\0\0\0\0".Select(c => (long)c)], tokens);
        Assert.Equal(['b', 0, -100, -100, 'b', 'c', 'd', 'e', -100, -100, -100, -100], targets);
    }

    [Fact]
    public void Tasks_without_texts_enough_are_refused()
    {
        _folder.Write("texts.jsonl", """{"text": "a", "task": "one"}""");
        var failure = Assert.Throws<DataException>(() => Dataset.Open(Settings(TaskKind.Field), 256));
        Assert.Contains("Of 1 tasks 0 have the 5 texts", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Namespaces_of_other_texts_are_refused_with_the_remedy()
    {
        WriteTexts(TaskKind.Folder);
        var failure = Assert.Throws<DataException>(() => Dataset.Open(Settings(TaskKind.Namespace), 256));
        Assert.Contains("'by: folder'", failure.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private void WriteTexts(TaskKind by)
    {
        var texts = Enumerable.Range(0, 9).SelectMany(task => Enumerable.Range(0, task == 8 ? 2 : 6).Select(i => (Task: $"{(char)('a' + task)}", Text: $"{(char)('a' + task)} text {i}"))).ToList();
        if (by == TaskKind.Field)
            _folder.Write("texts.jsonl", string.Join('\n', texts.Select(t => $$"""{"text": "{{t.Text}}", "task": "{{t.Task}}"}""")));
        else
            foreach (var (text, i) in texts.Select((t, i) => (t, i))) _folder.Write($"texts.jsonl/{text.Task}/{i}.txt", text.Text);
    }

    private Runtime.TrainingSettings Settings(TaskKind by) => Training.TestSettings.Create() with
    {
        Source = _folder["texts.jsonl"], Validation = 0.25, Meta = s_meta with { By = by },
    };

    private static (long[] Inputs, long[] Targets) Fill(TaskBatches batches, long index)
    {
        var (inputs, targets) = (new long[batches.Batch], new long[batches.Batch]);
        batches.Fill(index, inputs, targets);
        return (inputs, targets);
    }

    private static TaskBatches Batches(int seed) => new(new Numbered(7), s_meta, heldOut: false, tasks: 2, rows: 3, length: 1, seed);

    /// <summary>Example e of task t is the number 100 · t + e.</summary>
    private sealed class Numbered(int examples) : ITaskSource
    {
        public int Count(bool heldOut) => 8;

        public TaskExamples Examples(int task, bool heldOut)
        {
            double[] numbers = [.. Enumerable.Range(0, examples).Select(e => (100.0 * task) + e)];
            return TaskExamples.OfNumbers(numbers, numbers, examples);
        }
    }
}
