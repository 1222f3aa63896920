using CsCheck;
using ModelCompiler.Runtime.Data;

namespace ModelCompiler.Runtime.Tests.Data;

public sealed class CorpusTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void WholeFilesAreHeldOutByTheirNames()
    {
        for (var i = 0; i < 20; i++)
            _folder.Write($"sub{i % 3}/file{i}.txt", $"text of {i}".PadRight(100 + i));
        _folder.Write("other.pdf", "not read");
        var corpus = Corpus.Open(_folder.Path, validation: 0.2);
        Assert.Equal(20, corpus.Training.Files.Concat(corpus.Validation.Files).Select(file => file.Name).Distinct().Count());
        Assert.InRange(corpus.Validation.Files.Sum(file => file.Length), 300, 440);
        Assert.All(corpus.Training.Files, file => Assert.DoesNotContain('\\', file.Name));

        // The split depends on names, not on where or when the files are.
        using var copy = new TemporaryFolder();
        foreach (var file in corpus.Training.Files.Concat(corpus.Validation.Files).Reverse())
            copy.Write(file.Name, File.ReadAllText(file.Path));
        Assert.Equal(corpus.Validation.Files.Select(file => file.Name), Corpus.Open(copy.Path, validation: 0.2).Validation.Files.Select(file => file.Name));
    }

    [Fact]
    public void EachSideHasAtLeastOneFile() =>
        Gen.Select(Gen.Int[1, 200].Array[2, 6], Gen.Double[0.001, 0.5]).Sample(
            (sizes, share) =>
            {
                using var folder = new TemporaryFolder();
                for (var i = 0; i < sizes.Length; i++)
                    folder.Write($"{i}.txt", new string('x', sizes[i]));
                var corpus = Corpus.Open(folder.Path, validation: share);
                Assert.NotEmpty(corpus.Training.Files);
                Assert.NotEmpty(corpus.Validation.Files);
                Assert.Equal(sizes.Length, corpus.Training.Files.Concat(corpus.Validation.Files).Distinct().Count());
            },
            iter: 50);

    [Fact]
    public void OneFileIsSplitAtALineOrADocument()
    {
        AssertSplit(_folder.Write("lines.txt", "aaaa\nbbbb\ncccc\ndd"), 0.3, "aaaa\nbbbb\n", "cccc\ndd");
        AssertSplit(_folder.Write("late.txt", "aaaaaaaaaa\nb"), 0.5, "aaaaaaaaaa\n", "b");
        AssertSplit(_folder.Write("ends.txt", "aaaa\nb\n"), 0.05, "aaaa\n", "b\n");
        AssertSplit(_folder.Write("documents.jsonl", "{\"text\":\"a\\nb\"}\n{\"text\":\"c\"}\n{\"text\":\"d\"}"), 0.5, "a\nb|", "c|d|");
        AssertSplit(_folder.Write("last.jsonl", "{\"text\":\"a\"}\n{\"text\":\"bbbbbbbbbbbbbbbbbbbbbbbb\"}"), 0.05, "a|", "bbbbbbbbbbbbbbbbbbbbbbbb|");
    }

    [Fact]
    public void OneLargeFileIsSplitNearItsPosition()
    {
        var text = string.Concat(Enumerable.Range(0, 100_000).Select(i => $"line {i}\n"));
        var corpus = Corpus.Open(_folder.Write("large.txt", text), validation: 0.1);
        var training = Text(corpus.Training);
        Assert.Equal(text, training + Text(corpus.Validation));
        Assert.InRange(training.Length, (0.9 * text.Length) - 20, 0.9 * text.Length);
        Assert.EndsWith("\n", training, StringComparison.Ordinal);
    }

    [Fact]
    public void NothingIsHeldOutWhenNothingShallBe()
    {
        _folder.Write("a.txt", "a");
        Assert.Empty(Corpus.Open(_folder["a.txt"], validation: 0).Validation.Read());
        Assert.Equal("a", Text(Corpus.Open(_folder["a.txt"], validation: 0).Training));
        _folder.Write("b.txt", "b");
        Assert.Empty(Corpus.Open(_folder.Path, validation: 0).Validation.Files);
    }

    [Fact]
    public void WhatCannotBeUsedIsNamed()
    {
        Assert.Contains("'none' does not exist", Message("none"), StringComparison.Ordinal);
        Assert.Contains("has no file of .txt", Message(_folder.Path), StringComparison.Ordinal);
        Assert.Contains("a.pdf' is no text", Message(_folder.Write("a.pdf", "")), StringComparison.Ordinal);
        var oneLine = Corpus.Open(_folder.Write("a.txt", "one line\n"));
        Assert.Contains("fewer than two lines", Assert.Throws<DataException>(() => Text(oneLine.Training)).Message, StringComparison.Ordinal);

        static string Message(string source) => Assert.Throws<DataException>(() => Corpus.Open(source)).Message;
    }

    [Fact]
    public void TheFingerprintFollowsTheFiles()
    {
        var path = _folder.Write("a.txt", "one\ntwo\n");
        var before = Corpus.Open(path).Training.Fingerprint;
        Assert.Equal(before, Corpus.Open(path).Training.Fingerprint);
        Assert.NotEqual(before, Corpus.Open(path).Validation.Fingerprint);
        Assert.NotEqual(before, Corpus.Open(path, validation: 0.2).Training.Fingerprint);
        Assert.NotEqual(before, Corpus.Open(path, field: "body").Training.Fingerprint);
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(1));
        Assert.NotEqual(before, Corpus.Open(path).Training.Fingerprint);
    }

    private static void AssertSplit(string path, double share, string training, string validation)
    {
        var corpus = Corpus.Open(path, validation: share);
        Assert.Equal(training.Replace("|", "", StringComparison.Ordinal), Text(corpus.Training));
        Assert.Equal(validation.Replace("|", "", StringComparison.Ordinal), Text(corpus.Validation));
        if (training.Contains('|'))
            Assert.Equal(training, string.Concat(corpus.Training.Read().Select(piece => piece.Text + (piece.EndsDocument ? "|" : ""))));
        Assert.True(corpus.Training.Read().Last().EndsDocument);
        Assert.True(corpus.Validation.Read().Last().EndsDocument);
    }

    private static string Text(TextSplit split) => string.Concat(split.Read().Select(piece => piece.Text));

    public void Dispose() => _folder.Dispose();
}
