using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Onnx.Messages;
using ModelCompiler.Runtime.Tests.Generated;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Onnx;

/// <summary>Models that were exported in operators of the ONNX standard alone.</summary>
public sealed class OnnxStandardTests
{
    [Fact]
    public void Gpt2_like() => Compare<Gpt2>();

    [Fact]
    public void Llama_like() => Compare<Llama>();

    /// <summary>Windows, soft caps, norms of queries and keys.</summary>
    [Fact]
    public void Gemma_like() => Compare<Gemma>();

    [Fact]
    public void Latent_attention() => Compare<Latent>();

    /// <summary>Heads of 10, which ONNX Runtime's own attention does not take.</summary>
    [Fact]
    public void Qwen_like() => Compare<Qwen>();

    [Fact]
    public void Experts() => Compare<Mixtral>();

    [Fact]
    public void Gated_convolutions() => Compare<GatedConvolution>();

    [Fact]
    public void Transformer_xl() => Compare<TransformerXlSame>();

    [Fact]
    public void An_encoder()
    {
        using var folder = new TemporaryFolder();
        using var model = Export<Bert>(folder.Path);
        using var expected = model.CreateEncoder();
        using var actual = OnnxEncoder.Open(model.Description, folder.Path);
        int[] tokens = [.. Enumerable.Range(0, 9).Select(i => (i * 37) % 256)];
        Close(expected.Predict(tokens), actual.Predict(tokens));
    }

    private static TModel Export<TModel>(string folder)
        where TModel : ICompiledModel<TModel>
    {
        var model = TModel.Create(CPU, seed: 2);
        GeneratedModels.Scramble(model);
        OnnxExport.Write(model, folder, null, new ByteTokenizer(), [], opsetOnly: true);
        var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(folder, "model.onnx")));
        Assert.DoesNotContain(graph.Graph.Node, node => node.Domain.Length > 0 || node.OpType.StartsWith("Simplified", StringComparison.Ordinal));
        Assert.Equal("", Assert.Single(graph.OpsetImport).Domain);
        return model;
    }

    private static void Compare<TModel>()
        where TModel : ICompiledModel<TModel>
    {
        using var folder = new TemporaryFolder();
        using var model = Export<TModel>(folder.Path);
        using var expected = model.CreateInference();
        using var exported = OnnxModel.Open(model.Description, folder.Path);
        using var actual = exported.CreateInference();
        int[] tokens = [.. Enumerable.Range(0, model.Description.Context).Select(i => (i * 37) % 256)];
        for (var round = 0; round < 2; round++)
        {
            Close(expected.Forward(tokens.AsSpan(0, 5)), actual.Forward(tokens.AsSpan(0, 5)));
            foreach (var token in tokens.AsSpan(5)) Close(expected.Forward([token]), actual.Forward([token]));
            Assert.Equal(tokens.Length, actual.Position);
            expected.Reset();
            actual.Reset();
        }
    }

    private static void Close(ReadOnlySpan<float> wanted, ReadOnlySpan<float> found)
    {
        Assert.Equal(wanted.Length, found.Length);
        var (error, scale) = (0f, 0f);
        for (var i = 0; i < wanted.Length; i++)
            (error, scale) = (MathF.Max(error, MathF.Abs(wanted[i] - found[i])), MathF.Max(scale, MathF.Abs(wanted[i])));
        Assert.True(error < 1e-4 * scale, $"differ by {error}, the largest is {scale}");
    }
}
