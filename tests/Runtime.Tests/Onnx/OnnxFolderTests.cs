using System.Globalization;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Onnx;

/// <summary>What an export leaves in its folder, and what it takes away there.</summary>
public sealed class OnnxFolderTests
{
    [Fact]
    public void Weights_that_are_not_finite_are_refused_and_nothing_is_left()
    {
        using var folder = new TemporaryFolder();
        var target = Path.Combine(folder.Path, "export");
        using var model = Gpt2.Create(CPU, seed: 1);
        model.Parameters.Parameters()[2].Value.fill_(double.NaN);
        var error = Assert.Throws<OnnxException>(() => OnnxExport.Write(model, target, null, new ByteTokenizer(), []));
        Assert.Contains(model.Parameters.Layout[2].Name, error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void An_export_replaces_only_an_export()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "thesis.txt"), "of the user's");
        using var model = Gpt2.Create(CPU, seed: 1);
        Assert.Throws<OnnxException>(() => OnnxExport.Write(model, folder.Path, null, new ByteTokenizer(), []));
        Assert.Single(Directory.EnumerateFileSystemEntries(folder.Path));
        var target = Path.Combine(folder.Path, "export");
        OnnxExport.Write(model, target, null, new ByteTokenizer(), []);
        var first = File.ReadAllBytes(Path.Combine(target, "model.onnx.data"));
        OnnxExport.Write(model, target, new QuantizationSpec { Weights = WeightType.Int8 }, new ByteTokenizer(), []);
        Assert.True(new FileInfo(Path.Combine(target, "model.onnx.data")).Length < first.Length);
        Assert.Equal(2, Directory.EnumerateFileSystemEntries(folder.Path).Count());
    }

    [Fact]
    public void What_this_program_has_not_written_is_never_deleted()
    {
        using var folder = new TemporaryFolder();
        using var model = Gpt2.Create(CPU, seed: 1);

        // Of another program, and of the same names.
        var foreign = folder.Write("foreign/model.onnx", "a model of the user's");
        Assert.Contains("no model that this program has exported", Refusal("foreign"), StringComparison.Ordinal);
        Assert.Equal("a model of the user's", File.ReadAllText(foreign));

        // Beside an export, also where it comes while one is written.
        Export(folder["export"]).Dispose();
        var notes = folder.Write("export/notes.txt", "of the user's");
        Assert.Contains("'notes.txt'", Refusal("export"), StringComparison.Ordinal);
        File.Delete(notes);
        Assert.Throws<OnnxException>(() => OnnxFolder.Write(folder["export"], _ => folder.Write("export/notes.txt", "of the user's")));
        Assert.Equal("of the user's", File.ReadAllText(notes));
        Assert.Equal(["export", "foreign"], Directory.EnumerateFileSystemEntries(folder.Path).Select(path => Path.GetFileName(path)).Order());

        string Refusal(string name) => Assert.Throws<OnnxException>(() => OnnxExport.Write(model, folder[name], null, new ByteTokenizer(), [])).Message;
    }

    [Fact]
    public void An_export_whose_successor_cannot_take_its_place_stays()
    {
        using var folder = new TemporaryFolder();
        using var model = Export(folder["export"]);
        Assert.ThrowsAny<IOException>(() => OnnxFolder.Write(folder["export"], fresh => Directory.Delete(fresh)));
        OnnxModel.Open(Gpt2.Definition, folder["export"]).Dispose();
        Assert.Single(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void The_graph_says_what_the_model_costs()
    {
        using var folder = new TemporaryFolder();
        Export(folder["a"]).Dispose();
        using (var meta = MetaLlama.Create(CPU, seed: 1)) OnnxExport.Write(meta, folder["b"], null, new ByteTokenizer(), [], opsetOnly: true);
        Assert.Equal((Gpt2.Cost.Parameters, Gpt2.Cost.ForwardFlopsPerToken, new FileInfo(folder["a/model.onnx.data"]).Length), Cost("a"));
        Assert.Equal((MetaLlama.Cost.Parameters, MetaLlama.Cost.ForwardFlopsPerToken, new FileInfo(folder["b/model.onnx.data"]).Length), Cost("b"));

        (long, long, long) Cost(string name)
        {
            var metadata = OnnxFolder.Metadata(OnnxFolder.GraphPath(folder[name]));
            return (Number("parameters"), Number("flops_per_token"), Number("data_bytes"));
            long Number(string key) => long.Parse(metadata[key], CultureInfo.InvariantCulture);
        }
    }

    private static Gpt2 Export(string folder)
    {
        var model = Gpt2.Create(CPU, seed: 2);
        OnnxExport.Write(model, folder, null, new ByteTokenizer(), []);
        return model;
    }
}
