using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Checkpoints;
using ModelCompiler.Runtime.HuggingFace;
using ModelCompiler.Runtime.Tests.HuggingFace.Reference;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Training;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.HuggingFace;

/// <summary>
/// Random models as transformers saves them: imported, compiled (the declarations in Models/ are what the import writes), loaded,
/// run both ways, and exported again. The oracle is a forward pass in double precision that knows nothing of the compiler.
/// </summary>
public sealed class ParityTests : IDisposable
{
    private const double Tolerance = 1e-4;

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Gpt2() => Check<HfGpt2>("hf-gpt2", TinyModels.Gpt2(), Gpt2Reference.Logits);

    [Fact]
    public void Llama() => Check<HfLlama>("hf-llama", TinyModels.Llama(), LlamaReference.Logits);

    [Fact]
    public void Llama_with_biases_in_attention() => Check<HfLlamaBiased>("hf-llama-biased", TinyModels.LlamaBiased(), LlamaReference.Logits);

    [Fact]
    public void Mistral() => Check<HfMistral>("hf-mistral", TinyModels.Mistral(), LlamaReference.Logits);

    [Fact]
    public void Qwen2() => Check<HfQwen2>("hf-qwen2", TinyModels.Qwen2(), LlamaReference.Logits);

    [Fact]
    public void Qwen3() => Check<HfQwen3>("hf-qwen3", TinyModels.Qwen3(), LlamaReference.Logits);

    [Fact]
    public void Bert() => Check<HfBert>("hf-bert", TinyModels.Bert(), BertReference.Logits);

    [Fact]
    public void Albert() => Check<HfAlbert>("hf-albert", TinyModels.Albert(), AlbertReference.Logits);

    [Fact]
    public void TransfoXl() => Check<HfTransfoXl>("hf-transfo-xl", TinyModels.TransfoXl(), TransfoXlReference.Logits);

    [Fact]
    public void TransfoXl_with_equal_lengths_and_a_head_of_its_own() => Check<HfTransfoXlSame>("hf-transfo-xl-same", TinyModels.TransfoXlSame(), TransfoXlReference.Logits);

    [Fact]
    public void TransfoXl_with_buffers_both_tied_tensors_and_a_shorter_segment()
    {
        var checkpoint = TinyModels.TransfoXl();
        checkpoint.Tensors.Add("crit.out_layers.0.weight", checkpoint.Tensors["transformer.word_emb.emb_layers.0.weight"]);
        checkpoint.Tensors.Add("transformer.pos_emb.inv_freq", ([16], new float[16]));
        checkpoint.Save(_folder, "tied");
        using var model = HfTransfoXl.Create(CPU, seed: 1);
        PretrainedModel.Load(_folder["tied"], model);
        CompareLogits(model, checkpoint, TransfoXlReference.Logits);
        Assert.Equal(6, PretrainedImport.Run(_folder["tied"], _folder["out"], "Short", context: 6).Spec.Architecture.Context);
    }

    [Fact]
    public void Berts_first_names_and_other_heads()
    {
        var checkpoint = TinyModels.Bert();
        var old = new PlainCheckpoint(checkpoint.Config, 0);
        foreach (var (name, tensor) in checkpoint.Tensors)
            old.Tensors.Add(name.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal).Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal), tensor);
        old.Tensors.Add("cls.predictions.decoder.weight", checkpoint.Tensors["bert.embeddings.word_embeddings.weight"]);
        old.Tensors.Add("cls.predictions.decoder.bias", checkpoint.Tensors["cls.predictions.bias"]);
        old.Tensors.Add("bert.pooler.dense.weight", ([32, 32], new float[32 * 32]));
        old.Tensors.Add("cls.seq_relationship.bias", ([2], new float[2]));
        old.Save(_folder, "old");
        using var model = HfBert.Create(CPU, seed: 1);
        PretrainedModel.Load(_folder["old"], model);
        CompareLogits(model, checkpoint, BertReference.Logits);
    }

    [Theory]
    [InlineData("F32", 3)]
    [InlineData("BF16", 1)]
    [InlineData("F16", 4)]
    public void Other_types_and_several_files(string type, int files)
    {
        var (gpt2, llama) = (TinyModels.Gpt2(), TinyModels.Llama());
        gpt2.Save(_folder, "a", type, files);
        llama.Save(_folder, "b", type, files);
        using var first = HfGpt2.Create(CPU, seed: 1);
        using var second = HfLlama.Create(CPU, seed: 1);
        PretrainedModel.Load(PretrainedImport.Run(_folder["a"], _folder["out"], "HfGpt2").WeightsFolder, first);
        PretrainedModel.Load(PretrainedImport.Run(_folder["b"], _folder["out"], "HfLlama").WeightsFolder, second);
        CompareLogits(first, gpt2, Gpt2Reference.Logits);
        CompareLogits(second, llama, LlamaReference.Logits);
    }

    [Fact]
    public void A_model_without_its_head_has_names_without_prefix()
    {
        var checkpoint = TinyModels.Gpt2();
        var bare = new PlainCheckpoint(checkpoint.Config, 0);
        foreach (var (name, tensor) in checkpoint.Tensors)
            bare.Tensors.Add(name.Replace("transformer.", "", StringComparison.Ordinal), tensor);
        bare.Tensors.Add("h.0.attn.bias", ([1, 1, 16, 16], new float[256]));
        bare.Save(_folder, "bare");
        using var model = HfGpt2.Create(CPU, seed: 1);
        PretrainedModel.Load(_folder["bare"], model);
        CompareLogits(model, checkpoint, Gpt2Reference.Logits);
    }

    [Fact]
    public void Tied_tensors_may_both_be_stored()
    {
        var checkpoint = TinyModels.Qwen2();
        checkpoint.Tensors.Add("lm_head.weight", checkpoint.Tensors["model.embed_tokens.weight"]);
        checkpoint.Save(_folder, "tied");
        using var model = HfQwen2.Create(CPU, seed: 1);
        PretrainedModel.Load(_folder["tied"], model);
        CompareLogits(model, checkpoint, LlamaReference.Logits);

        checkpoint.Tensors["lm_head.weight"] = checkpoint.Tensors["lm_head.weight"] with { Values = new float[96 * 32] };
        checkpoint.Save(_folder, "tied");
        Assert.Contains("'lm_head.weight' with other values", Assert.Throws<CheckpointException>(() => PretrainedModel.Load(_folder["tied"], model)).Message);
    }

    /// <summary>What the tests compile.</summary>
    internal static string Declaration(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Models", name + ".model.yaml"));

    private static IEnumerable<string> Shapes(IEnumerable<ParameterInfo> parameters) =>
        parameters.Select(parameter => $"{parameter.Name} [{string.Join(", ", parameter.Shape)}]").Order(StringComparer.Ordinal);

    private void Check<TModel>(string name, PlainCheckpoint checkpoint, Func<PlainCheckpoint, IReadOnlyList<int>, Matrix> logits)
        where TModel : ICompiledModel<TModel>
    {
        var folder = checkpoint.Save(_folder, name);
        var import = PretrainedImport.Run(folder, _folder["out"]);
        Assert.Equal(Declaration(name), File.ReadAllText(import.SpecPath));

        using var model = TModel.Create(CPU, seed: 1);
        Assert.Equal(Shapes(model.Parameters.Layout), Shapes(DeclaredParameters.Of(import.Spec.Architecture)));
        PretrainedModel.Load(import.WeightsFolder, model);
        CompareLogits(model, checkpoint, logits);
        CompareLosses(model, checkpoint, logits);
        CompareExport(model, import, checkpoint);
    }

    /// <summary>Inference: of an encoder over the sequence; of a decoder with the cache, the prompt at once and token by token.</summary>
    private static void CompareLogits(ICompiledModel model, PlainCheckpoint checkpoint, Func<PlainCheckpoint, IReadOnlyList<int>, Matrix> logits)
    {
        var tokens = Tokens(Segments(model) * model.Description.Context, seed: 3);
        var expected = logits(checkpoint, tokens);
        if (model.Description.Training.Objective.Kind == ObjectiveKind.Masked)
        {
            using var encoder = model.CreateEncoder();
            var all = encoder.Predict(tokens);
            for (var i = 0; i < tokens.Length; i++)
                Compare(all.Slice(i * expected.Columns, expected.Columns), i);
            return;
        }

        using var inference = model.CreateInference();
        Compare(inference.Forward(tokens), tokens.Length - 1);
        inference.Reset();
        for (var i = 0; i < tokens.Length; i++)
            Compare(inference.Forward([tokens[i]]), i);

        void Compare(ReadOnlySpan<float> actual, int position)
        {
            Assert.Equal(expected.Columns, actual.Length);
            for (var v = 0; v < actual.Length; v++)
                Assert.True(Math.Abs(expected[position, v] - actual[v]) <= Tolerance, $"token {v} after {position}: {actual[v]} instead of {expected[position, v]}");
        }
    }

    /// <summary>
    /// The forward pass of training gives losses: with one target changed, the loss of the sequence changes by a difference of two
    /// logits over its length.
    /// </summary>
    private static void CompareLosses(ICompiledModel model, PlainCheckpoint checkpoint, Func<PlainCheckpoint, IReadOnlyList<int>, Matrix> logits)
    {
        var (segments, segment) = (Segments(model), model.Description.Context);
        var length = segments * segment;
        var tokens = Tokens(length, seed: 4);
        var expected = logits(checkpoint, tokens);
        using var training = model.CreateTraining();
        var input = tokens.Select(token => (long)token).ToArray();
        var targets = Tokens(length, seed: 5).Select(token => (long)token).ToArray();
        double Evaluate(long[] wanted)
        {
            training.Memory?.ClearEvaluation();
            return Enumerable.Range(0, segments).Average(i => training.Evaluate(input.AsSpan(i * segment, segment), wanted.AsSpan(i * segment, segment)));
        }

        var loss = Evaluate(targets);
        var wanted = Enumerable.Range(0, length).Average(i =>
            Math.Log(Enumerable.Range(0, expected.Columns).Sum(v => Math.Exp(expected[i, v]))) - expected[i, (int)targets[i]]);
        Assert.Equal(wanted, loss, Tolerance / length);
        for (var i = 0; i < length; i++)
        {
            for (var v = i % 7; v < expected.Columns; v += 7)
            {
                var changed = targets.ToArray();
                changed[i] = v;
                var difference = (loss - Evaluate(changed)) * length;
                Assert.Equal(expected[i, v] - expected[i, (int)targets[i]], difference, Tolerance);
            }
        }
    }

    /// <summary>The export has the tensors of the original, bit for bit, and a configuration that imports as the same model.</summary>
    private void CompareExport(ICompiledModel model, PretrainedImport import, PlainCheckpoint checkpoint)
    {
        PretrainedModel.Export(model, TextTokenizer.Load(import.WeightsFolder), _folder["exported"], largestFile: 20_000);
        using (var files = SafetensorsFolder.Open(_folder["exported"]))
        {
            Assert.True(files.Files.Count > 1);
            Assert.Equal(checkpoint.Tensors.Keys.Order(), files.Names.Order());
        }

        PretrainedModel.Export(model, TextTokenizer.Load(import.WeightsFolder), _folder["exported"]);
        using (var reader = SafetensorsReader.Open(Path.Combine(_folder["exported"], "model.safetensors")))
        {
            Assert.Equal(checkpoint.Tensors.Keys.Order(), reader.Tensors.Select(tensor => tensor.Name).Order());
            foreach (var (name, (shape, values)) in checkpoint.Tensors)
            {
                Assert.Equal(shape.Select(dimension => (long)dimension), reader[name].Shape);
                Assert.True(reader.Values<float>(name).SequenceEqual(values), name);
            }
        }

        Assert.Equal(4, Directory.GetFiles(_folder["exported"]).Length);
        var again = PretrainedImport.Run(_folder["exported"], _folder["again"], import.Spec.Model);
        Assert.Equal(import.Spec, again.Spec);
        using var loaded = SafetensorsFolder.Open(again.WeightsFolder);
        Assert.Equal(TextTokenizer.Load(import.WeightsFolder).Hash, TextTokenizer.Load(again.WeightsFolder).Hash);
    }

    /// <summary>Several of a model that remembers the ones before.</summary>
    private static int Segments(ICompiledModel model) => model.Description.Architecture!.Family == Family.TransformerXl ? 4 : 1;

    private static int[] Tokens(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i => i % 8 == 7 ? EncoderReference.Sep : random.Next(5, 96))];
    }

    public void Dispose() => _folder.Dispose();
}
