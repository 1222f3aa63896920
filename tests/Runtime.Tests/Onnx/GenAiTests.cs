using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Tests.Generated;
using ModelCompiler.Runtime.Tokenizers;
using OnnxGenerator = Microsoft.ML.OnnxRuntimeGenAI.Generator;
using OnnxGeneratorParams = Microsoft.ML.OnnxRuntimeGenAI.GeneratorParams;
using OnnxModel = Microsoft.ML.OnnxRuntimeGenAI.Model;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Onnx;

/// <summary>Exported models in ONNX Runtime GenAI.</summary>
public sealed class GenAiTests
{
    [Fact]
    public void Gpt2_like() => Compare<Gpt2>();

    [Fact]
    public void Llama_like() => Compare<Llama>();

    /// <summary>GenAI knows no memory of earlier segments.</summary>
    [Fact]
    public void What_it_does_not_know_has_no_config()
    {
        using var folder = new TemporaryFolder();
        using var model = TransformerXlPlain.Create(CPU, seed: 2);
        OnnxExport.Write(model, folder.Path, null, new ByteTokenizer(), []);
        Assert.False(File.Exists(Path.Combine(folder.Path, "genai_config.json")));
    }

    /// <summary>The rewritten graph has a digest of itself, and not that of the graph that it was made of.</summary>
    [Fact]
    public void Its_graph_has_a_digest_of_its_own()
    {
        using var folder = new TemporaryFolder();
        using var model = Gpt2.Create(CPU, seed: 2);
        OnnxExport.Write(model, folder.Path, null, new ByteTokenizer(), []);
        var path = Path.Combine(folder.Path, "genai.onnx");
        Assert.Equal(model.Description.SpecHash, OnnxFolder.Metadata(path)[OnnxFolder.SpecHash]); // which holds the digest against the file
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Contains("was damaged", Assert.Throws<OnnxException>(() => OnnxFolder.Metadata(path)).Message, StringComparison.Ordinal);
    }

    private static void Compare<TModel>()
        where TModel : ICompiledModel<TModel>
    {
        using var folder = new TemporaryFolder();
        using var model = TModel.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        OnnxExport.Write(model, folder.Path, null, new ByteTokenizer(), []);
        int[] prompt = [84, 104, 101, 32];
        using var program = model.CreateInference();
        List<int> expected = [.. prompt];
        while (expected.Count < model.Description.Context && expected[^1] != new ByteTokenizer().EndOfText)
        {
            program.Reset();
            var logits = program.Forward(expected.ToArray()).ToArray();
            expected.Add(Array.IndexOf(logits, logits.Max()));
        }

        using var exported = new OnnxModel(folder.Path);
        using var parameters = new OnnxGeneratorParams(exported);
        using var generator = new OnnxGenerator(exported, parameters);
        generator.AppendTokens(prompt);
        while (!generator.IsDone()) generator.GenerateNextToken();
        Assert.Equal(expected, generator.GetSequence(0).ToArray());
    }
}
