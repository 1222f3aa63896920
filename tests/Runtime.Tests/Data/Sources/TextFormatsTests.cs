using System.Text;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Sources;
using Parquet;
using Parquet.Schema;

namespace ModelCompiler.Runtime.Tests.Data.Sources;

public sealed class TextFormatsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void XmlDocumentationBecomesReadableText()
    {
        var path = _folder.Write("a.xml", """
            <?xml version="1.0"?>
            <doc><assembly><name>A</name></assembly><members>
              <member name="T:A.B`1">
                <summary>Holds   a
                  <see cref="T:System.String" />, or <see langword="null" />.</summary>
                <typeparam name="T">The type.</typeparam>
              </member>
              <member name="M:A.B`1.Take(System.Int32)">
                <summary><para>First &lt;b&gt;.</para><para>Second <c>code</c>.</para></summary>
                <param name="count">How many; <paramref name="count" /> is at least 1.</param>
                <returns>See <see href="https://x.org/">the page</see>.</returns>
                <exception cref="T:System.ArgumentException"><paramref name="count" /> is 0.</exception>
                <remarks><list type="bullet"><item><term>one</term><description>1</description></item><item>two</item></list>
                <code>
            if (x)
                y();
            </code></remarks>
              </member>
              <member name="M:A.B`1.Nothing" />
              <member name="T:A.C"><summary>Another.</summary></member>
            </members></doc>
            """);
        var documents = Read(path).ToArray();
        Assert.Equal(
            [
                """
                A.B<T>
                Holds a System.String, or null.
                T: The type.

                A.B<T>.Take(System.Int32)
                First <b>.
                Second code.
                count: How many; count is at least 1.
                Returns: See the page.
                System.ArgumentException: count is 0.
                - one: 1
                - two
                if (x)
                    y();


                """.ReplaceLineEndings("\n"),
                "A.C\nAnother.\n\n",
            ],
            documents.Select(document => document.Text));
        Assert.All(documents, document => Assert.True(document.EndsDocument));
    }

    [Fact]
    public void PlainTextComesInPiecesThatJoinToTheFile()
    {
        // Lines, one line longer than a piece, and surrogate pairs all along it.
        var text = string.Concat(Enumerable.Range(0, 30_000).Select(i => $"line {i}\n")) + "a" + string.Concat(Enumerable.Repeat("👍", 300_000)) + "\nend";
        var pieces = Read(_folder.Write("a.txt", text)).ToArray();
        Assert.Equal(text, string.Concat(pieces.Select(piece => piece.Text)));
        Assert.True(pieces.Length > 2);
        Assert.Equal([.. Enumerable.Repeat(false, pieces.Length - 1), true], pieces.Select(piece => piece.EndsDocument));
        Assert.All(pieces, piece => Assert.Equal(piece.Text, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(piece.Text))));
        Assert.EndsWith("\n", pieces[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void AnEmptyTextFileHasNoDocument() => Assert.Empty(Read(_folder.Write("a.md", "")));

    [Fact]
    public void EachLineOfJsonIsADocument()
    {
        var path = _folder.Write("a.jsonl", """
            {"id": 1, "text": "one\n👍"}

            {"text": ""}
            {"text": null}
            {"text": "two"}
            """);
        Assert.Equal([new("one\n👍", true), new TextPiece("two", true)], Read(path));
    }

    [Theory]
    [InlineData("""{"body":"x","id":1}""", "line 2: there is no field 'text'; set data.field to one of: body, id")]
    [InlineData("""{"text":5}""", "line 2: the field 'text' is Number")]
    [InlineData("""{"text":"\ud800"}""", "line 2 is not valid JSON")]
    [InlineData("""["text"]""", "line 2: a JSON object is expected")]
    [InlineData("""{"text":""", "line 2 is not valid JSON")]
    public void ABadLineOfJsonIsNamed(string line, string message)
    {
        var path = _folder.Write("a.jsonl", "{\"text\":\"good\"}\n" + line);
        Assert.Contains(message, Assert.Throws<DataException>(() => Read(path).Count()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EachRowOfParquetIsADocument()
    {
        await WriteParquet(_folder["a.parquet"], ["one", null, "", "zwei 👍"], ["three"]);
        Assert.Equal(["one", "zwei 👍", "three"], TextFormats.Read(_folder["a.parquet"], "body").Select(piece => piece.Text));
        var exception = Assert.Throws<DataException>(() => Read(_folder["a.parquet"]).Count());
        Assert.Contains("no text column 'text'; set data.field to one of: id, body", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DamagedFilesAreNamed()
    {
        await WriteParquet(_folder["a.parquet"], ["one"]);
        var whole = File.ReadAllBytes(_folder["a.parquet"]);
        string[] paths =
        [
            _folder.Write("cut.parquet", whole[..(whole.Length / 2)]),
            _folder.Write("empty.parquet", []),
            _folder.Write("cut.xml", "<doc><members><member name='T:A'><summary>text"),
            _folder["missing.txt"],
        ];
        foreach (var path in paths)
            Assert.Contains($"'{path}' cannot be read", Assert.Throws<DataException>(() => Read(path).Count()).Message, StringComparison.Ordinal);
    }

    private static async Task WriteParquet(string path, params string?[][] groups)
    {
        var body = new DataField<string>("body");
        var id = new DataField<int>("id");
        await using var stream = File.Create(path);
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(id, body), stream);
        foreach (var texts in groups)
        {
            using var rows = writer.CreateRowGroup();
            await rows.WriteAsync<int>(id, Enumerable.Range(0, texts.Length).ToArray());
            await rows.WriteAsync(body, texts!);
            rows.CompleteValidate();
        }
    }

    private static IEnumerable<TextPiece> Read(string path) => TextFormats.Read(path, "text");

    public void Dispose() => _folder.Dispose();
}
