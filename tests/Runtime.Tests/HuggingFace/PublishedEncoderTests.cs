using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.HuggingFace;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.HuggingFace;

/// <summary>Encoders of our own in Hugging Face's files.</summary>
public sealed class PublishedEncoderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void An_encoder_comes_back_with_its_special_tokens()
    {
        using var model = Bert.Create(CPU, seed: 3);
        PretrainedModel.Export(model, new ByteTokenizer(), _folder["published"]);
        var import = PretrainedImport.Run(_folder["published"], _folder["again"], "Bert");
        Assert.Equal(new SpecialTokensSpec { Pad = 256, Cls = 257, Sep = 258, Mask = 259 }, import.Spec.Architecture.SpecialTokens);

        using var loaded = Bert.Create(CPU, seed: 4);
        PretrainedModel.Load(import.WeightsFolder, loaded);
        Assert.Equal(0, (model.Parameters.Master - loaded.Parameters.Master).abs().max().item<float>());

        // And is trained on: the tokens of text are those of before, the special ones no more than were.
        var settings = Bert.Definition.Training with { Source = _folder.Write("text.txt", "a cat and a dog\n"), Validation = 0 };
        using var first = Dataset.Open(settings, 260, cache: _folder["cache"]);
        using var again = Dataset.Open(
            settings with { Tokenizer = TokenizerKind.Json, TokenizerFile = Path.Combine(import.WeightsFolder, "tokenizer.json") }, 260, cache: _folder["cache"]);
        Assert.Equal(first.Tokenizer.Encode("a [cat]"), again.Tokenizer.Encode("a [cat]"));
        Assert.Equal(first.Training.Count, again.Training.Count);
    }

    /// <summary>Capped logits and a classifier have no key in their configuration.</summary>
    [Fact]
    public void What_theirs_do_not_compute_is_not_published()
    {
        using var capped = CappedEncoder.Create(CPU, seed: 1);
        Refused(capped);
        using var two = Albert.Create(CPU, seed: 1);
        Refused(two);

        void Refused(ICompiledModel model) =>
            Assert.Contains("cannot be exported", Assert.Throws<NotSupportedException>(() => PretrainedModel.Export(model, null, _folder["out"])).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
