using ModelCompiler.Runtime.IO;

namespace ModelCompiler.Runtime.Tests.IO;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void WritesIntoAFolderThatDoesNotExistYet()
    {
        AtomicFile.WriteText(_folder["a/b/file.txt"], "text");
        Assert.Equal("text", File.ReadAllText(_folder["a/b/file.txt"]));
    }

    [Fact]
    public void AFailedWriterLeavesThePreviousFileAndNothingElse()
    {
        var path = _folder.Write("file.txt", "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half of the new"u8);
            stream.Flush();
            throw new InvalidOperationException();
        }));

        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void ReadersNeverSeeAPartOfAFile()
    {
        var path = _folder.Write("file.bin", new byte[100_000]);
        var contents = Enumerable.Range(0, 4).Select(i => Enumerable.Repeat((byte)i, 100_000).ToArray()).ToArray();
        var writers = Task.Run(() => Parallel.For(0, 40, i => AtomicFile.Write(path, stream => stream.Write(contents[i % 4]))));
        do
        {
            var seen = File.ReadAllBytes(path);
            Assert.Equal(100_000, seen.Length);
            Assert.Equal(-1, seen.AsSpan().IndexOfAnyExcept(seen[0]));
        }
        while (!writers.IsCompleted);
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    public void Dispose() => _folder.Dispose();
}
