using System.Text;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Sources;

namespace ModelCompiler.Runtime.Tests.Data.Sources;

public sealed class SdkDocumentationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void TheInstalledSdkHasALargeCorpusWithoutMarkup()
    {
        var corpus = Corpus.Open("sdk-docs");
        Assert.True(corpus.Training.Files.Count >= 80);
        var length = 0L;
        foreach (var piece in corpus.Validation.Read())
        {
            length += Encoding.UTF8.GetByteCount(piece.Text);
            Assert.DoesNotContain("<summary>", piece.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("cref=", piece.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("\n\n\n", piece.Text, StringComparison.Ordinal);
        }

        Assert.InRange(length, 500_000, 3_000_000);
    }

    [Fact]
    public void TheNewestVersionWithDocumentationIsTaken()
    {
        _folder.Write("packs/Microsoft.NETCore.App.Ref/9.0.11/ref/net9.0/System.xml", "<doc/>");
        _folder.Write("packs/Microsoft.NETCore.App.Ref/10.0.2/ref/net10.0/System.xml", "<doc/>");
        _folder.Write("packs/Microsoft.NETCore.App.Ref/11.0.0-preview.1/ref/net11.0/System.dll", "");
        Assert.Equal(
            Path.Combine(_folder.Path, "packs", "Microsoft.NETCore.App.Ref", "10.0.2", "ref", "net10.0"),
            SdkDocumentation.FindFolder(["/nowhere", _folder.Path]));
    }

    [Fact]
    public void AMachineWithoutSdkIsToldTheRemedy()
    {
        var message = Assert.Throws<DataException>(() => SdkDocumentation.FindFolder(["/nowhere", _folder.Path])).Message;
        Assert.Contains("/nowhere", message, StringComparison.Ordinal);
        Assert.Contains("--data", message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
