using System.Globalization;
using ModelCompiler.Runtime.Onnx;
using ModelCompiler.Runtime.Onnx.Messages;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Tests.Generated;

/// <summary>The constants that the build states are what the generated program holds.</summary>
public sealed class CostTests
{
    [Fact]
    public void Stated_bytes_are_those_of_a_run()
    {
        Check<Gpt2>(Gpt2.Cost.Parameters, Gpt2.Cost.WeightBytes, Gpt2.Cost.CopyBytes, Gpt2.Cost.OptimizerBytes, Gpt2.Cost.ActivationBytes);
        Check<Llama>(Llama.Cost.Parameters, Llama.Cost.WeightBytes, Llama.Cost.CopyBytes, Llama.Cost.OptimizerBytes, Llama.Cost.ActivationBytes);
        Check<Custom>(Custom.Cost.Parameters, Custom.Cost.WeightBytes, Custom.Cost.CopyBytes, Custom.Cost.OptimizerBytes, Custom.Cost.ActivationBytes);
        Check<Gpt2Bf16>(Gpt2Bf16.Cost.Parameters, Gpt2Bf16.Cost.WeightBytes, Gpt2Bf16.Cost.CopyBytes, Gpt2Bf16.Cost.OptimizerBytes, Gpt2Bf16.Cost.ActivationBytes);
        Check<TransformerXlPlain>(
            TransformerXlPlain.Cost.Parameters, TransformerXlPlain.Cost.WeightBytes, TransformerXlPlain.Cost.CopyBytes, TransformerXlPlain.Cost.OptimizerBytes,
            TransformerXlPlain.Cost.ActivationBytes);
        Check<Albert>(Albert.Cost.Parameters, Albert.Cost.WeightBytes, Albert.Cost.CopyBytes, Albert.Cost.OptimizerBytes, Albert.Cost.ActivationBytes);
        Check<Mixtral>(Mixtral.Cost.Parameters, Mixtral.Cost.WeightBytes, Mixtral.Cost.CopyBytes, Mixtral.Cost.OptimizerBytes, Mixtral.Cost.ActivationBytes);
        Check<Latent>(Latent.Cost.Parameters, Latent.Cost.WeightBytes, Latent.Cost.CopyBytes, Latent.Cost.OptimizerBytes, Latent.Cost.ActivationBytes);
        Check<DropoutEveryTwo>(
            DropoutEveryTwo.Cost.Parameters, DropoutEveryTwo.Cost.WeightBytes, DropoutEveryTwo.Cost.CopyBytes, DropoutEveryTwo.Cost.OptimizerBytes, DropoutEveryTwo.Cost.ActivationBytes);
    }

    /// <summary>External data are aligned, and beside the weights there are the tables of rotations and a few constants.</summary>
    [Fact]
    public void Stated_bytes_of_an_export_are_those_of_its_file()
    {
        Exported<Gpt2>(Gpt2.Cost.ExportBytes);
        Exported<PackedInt8>(PackedInt8.Cost.ExportBytes);
        Exported<PackedWide>(PackedWide.Cost.ExportBytes);
        Exported<Packed>(Packed.Cost.ExportBytes);
        Exported<Quantized>(Quantized.Cost.ExportBytes);
        Exported<Mixtral>(Mixtral.Cost.ExportBytes);

        static void Exported<TModel>(long bytes)
            where TModel : ICompiledModel<TModel>
        {
            using var folder = new TemporaryFolder();
            using var model = TModel.Create(CPU, seed: 1);
            OnnxExport.Write(model, folder.Path, model.Description.Quantization, new ByteTokenizer(), []);
            var actual = OnnxModelBytes(Path.Combine(folder.Path, "model.onnx"));
            Assert.True(bytes == actual, $"{model.Description.Name}: {bytes} stated, {actual} in the file");
        }
    }

    /// <summary>Bytes of the parameters among the constants of a graph.</summary>
    private static long OnnxModelBytes(string path) => ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph.Initializer
        .Where(tensor => tensor.Name.Contains(".weight", StringComparison.Ordinal) || tensor.Name.EndsWith(".bias", StringComparison.Ordinal))
        .Sum(tensor => tensor.ExternalData.Any() ? long.Parse(tensor.ExternalData.Single(entry => entry.Key == "length").Value, CultureInfo.InvariantCulture) : tensor.RawData.Length);

    private static void Check<TModel>(long parameters, long weights, long copy, long optimizer, long activations)
        where TModel : ICompiledModel<TModel>
    {
        using var model = TModel.Create(CPU, seed: 1);
        using var training = model.CreateTraining();
        var store = model.Parameters;
        Assert.Equal(parameters, store.ParameterCount);
        // To what would align a parameter behind the last one, 31 elements at most.
        Assert.InRange(Bytes(store.Master), weights - (31 * 4), weights);
        Assert.InRange(store.Copy is { } cast ? Bytes(cast) : 0, copy - (31 * 4), copy);
        Assert.InRange(training.OptimizerState.Values.Sum(Bytes), optimizer - (2 * 31 * 4), optimizer);
        // To the alignment of the last buffer: what the program's views reach, and the batch beside it.
        Assert.InRange(training.ArenaBytesUsed, activations - 63, activations);
    }

    private static long Bytes(Tensor tensor) => tensor.numel() * tensor.element_size();
}
