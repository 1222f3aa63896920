using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Data.Labels;
using ModelCompiler.Runtime.Tests.Training;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Tests.Data.Labels;

public sealed class LabeledDataTests : IDisposable
{
    private static readonly SpecialTokens s_special = new(256, 257, 258, 259);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Texts_of_json_lines_keep_their_classes()
    {
        var lines = Enumerable.Range(0, 200).Select(i => $$"""{"review": "text {{i}} of {{(i % 3 == 0 ? "good" : "bad")}}", "stars": "{{(i % 3 == 0 ? "good" : "bad")}}"}""");
        using var data = Open(_folder.Write("a.jsonl", string.Join('\n', lines)), classes: 2, "review", "stars");
        Assert.Equal(("bad", "good"), (data.Classes![0], data.Classes[1]));
        var (training, validation) = (data.TrainingExamples, data.ValidationExamples);
        Assert.Equal(200, training.Count + validation.Count);
        Assert.InRange(validation.Count, 10, 50); // a fifth of 200, by a hash
        foreach (var examples in new[] { training, validation })
        {
            for (var i = 0; i < examples.Count; i++)
            {
                var tokens = new long[40];
                var text = new ByteTokenizer().Decode([.. tokens[..examples.Read(i, tokens)].Select(token => (int)token)]);
                Assert.EndsWith(data.Classes[examples.Class(i)], text, StringComparison.Ordinal);
            }
        }

        Assert.Equal(2 / 3.0, training.Majority(validation), 0.2);
    }

    [Fact]
    public void Folders_are_classes()
    {
        for (var i = 0; i < 40; i++) _folder.Write($"texts/{(i % 2 == 0 ? "cats" : "dogs")}/{i}.txt", $"animal {i}");
        using var data = Open(_folder["texts"], classes: 2);
        Assert.Equal(("cats", "dogs"), (data.Classes![0], data.Classes[1]));
        Assert.Equal(40, data.TrainingExamples.Count + data.ValidationExamples.Count);
    }

    [Fact]
    public void Batches_are_padded_and_cut_and_go_through_all_examples_in_each_epoch()
    {
        var lines = Enumerable.Range(0, 50).Select(i => $$"""{"text": "{{new string((char)('a' + (i % 26)), i + 1)}}", "label": {{i % 5}}}""");
        using var data = Open(_folder.Write("a.jsonl", string.Join('\n', lines)), classes: 5, validation: 0);
        var source = new LabeledBatches(data.TrainingExamples, s_special, batch: 5, sequence: 20, seed: 1);
        var seen = new List<(long First, int Length)>();
        for (var index = 0; index < 10; index++)
        {
            var (tokens, targets) = (new long[100], new long[100]);
            source.Fill(index, tokens, targets);
            for (var row = 0; row < 5; row++)
            {
                var (sequence, target) = (tokens[(row * 20)..((row + 1) * 20)], targets[(row * 20)..((row + 1) * 20)]);
                var length = s_special.Length(sequence);
                Assert.Equal((257, 258), (sequence[0], sequence[length - 1]));
                Assert.All(target[1..], t => Assert.Equal(Masking.Ignored, t));
                seen.Add((sequence[1], length));
                // Texts of up to 18 bytes tell their number by their length, and so their class.
                if (length < 20) Assert.Equal((length - 3) % 5, target[0]);
            }
        }

        Assert.Equal(17, seen.Where(s => s.Length < 20).Distinct().Count());
        Assert.Equal(50, seen.Count);
        Assert.Equal(33, seen.Count(s => s.Length == 20));
    }

    [Fact]
    public void What_is_wrong_with_labels_is_said()
    {
        string Error(string text, int classes = 2) => Assert.Throws<DataException>(() => Open(_folder.Write($"{Guid.NewGuid()}.jsonl", text), classes)).Message;
        Assert.Contains("no field 'label'; set data.label to one of: text", Error("""{"text": "a"}"""), StringComparison.Ordinal);
        Assert.Contains("set architecture.classes to 3", Error(string.Join('\n', Enumerable.Range(0, 30).Select(i => $$"""{"text": "a", "label": "c{{i % 3}}"}"""))), StringComparison.Ordinal);
        Assert.Contains("0 to 1; set architecture.classes to 8", Error(string.Join('\n', Enumerable.Range(0, 30).Select(i => """{"text": "a", "label": 7}"""))), StringComparison.Ordinal);
        Assert.Contains("give more of them", Error("""{"text": "a", "label": "x"}"""), StringComparison.Ordinal);
        _folder.Write("loose/a.txt", "text");
        Assert.Contains("in no folder that would be its class", Assert.Throws<DataException>(() => Open(_folder["loose"], 2)).Message, StringComparison.Ordinal);
    }

    private Dataset Open(string source, int classes, string field = "text", string label = "label", double validation = 0.2) => Dataset.Open(
        TestSettings.Create() with
        {
            Source = source, Field = field, Label = label, Classes = classes, Validation = validation, SpecialTokens = s_special,
            Objective = new ObjectiveSpec { Kind = ObjectiveKind.Classification },
        },
        260, cache: _folder["cache"]);
}
