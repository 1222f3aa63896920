using System.Globalization;
using Google.Protobuf;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Onnx.Linears;
using ModelCompiler.Runtime.Onnx.Messages;
using ModelCompiler.Runtime.Onnx.Rounding;
using ModelCompiler.Runtime.Tokenizers;
using static TorchSharp.torch;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>Writes compiled models for ONNX Runtime.</summary>
public static class OnnxExport
{
    /// <summary>Writes a model, whole or not at all, with its parameters as they are.</summary>
    /// <param name="model">Its generated class describes the graph.</param>
    /// <param name="folder">Where the files go; an earlier export there is replaced.</param>
    /// <param name="quantization">How its weights are rounded; null for fp32.</param>
    /// <param name="tokenizer">Written beside the model.</param>
    /// <param name="calibration">Windows of held-out training text, for methods that observe the layers' inputs.</param>
    /// <param name="opsetOnly">Whether the graph has operators of the ONNX standard alone.</param>
    /// <exception cref="OnnxException">Weights are not finite, the folder holds something else, or a method has no text to observe.</exception>
    /// <exception cref="NotSupportedException">The model has no ONNX form.</exception>
    public static void Write(
        ICompiledModel model, string folder, QuantizationSpec? quantization, ITextTokenizer tokenizer, IReadOnlyList<int[]> calibration, bool opsetOnly = false)
    {
        if (opsetOnly && quantization is not null)
            throw new OnnxException("An export in operators of the ONNX standard alone keeps its weights in fp32. Export with --quantization fp32, or without opset-only.");
        CheckWeights(model);
        OnnxFolder.Write(folder, fresh =>
        {
            using var moments = quantization is { Method: RoundingMethod.Gptq } ? Calibration.Observe(model, calibration) : null;
            var (_, message) = WriteGraph(model, fresh, Forms(quantization, moments), quantization, tokenizer.Hash, opsetOnly);
            tokenizer.Save(fresh);
            if (GenAi.Knows(message.Graph)) GenAi.Write(message, model.Description, tokenizer, fresh);
        });
    }

    /// <summary>The graph and its weights in a folder.</summary>
    /// <returns>What the graph says of itself, and the graph.</returns>
    internal static (OnnxGraph Graph, ModelProto Message) WriteGraph(
        ICompiledModel model, string folder, LinearForms forms, QuantizationSpec? quantization, string tokenizerHash, bool opsetOnly = false, Action<OnnxBuilder, OnnxGraph>? extend = null)
    {
        OnnxGraph? graph = null;
        ModelProto? message = null;
        AtomicFile.Write(OnnxFolder.DataPath(folder), stream =>
        {
            using var gradientless = no_grad();
            using var scope = NewDisposeScope();
            using var parameters = model.Parameters.Masters();
            var data = new ExternalData(stream, OnnxFolder.Data);
            var builder = new OnnxBuilder(model.Description.Name, data);
            graph = new OnnxGraph(builder, parameters, model.Description, forms, opsetOnly);
            model.Define(graph);
            extend?.Invoke(builder, graph);
            var metadata = new Dictionary<string, string>
            {
                [OnnxFolder.Name] = model.Description.Name,
                [OnnxFolder.SpecHash] = model.Description.SpecHash,
                [OnnxFolder.TokenizerHash] = tokenizerHash,
                [OnnxFolder.Quantization] = Describe(quantization),
                [OnnxFolder.DataBytes] = data.Length.ToString(CultureInfo.InvariantCulture),
            };
            if (graph.Memory is { } memory) metadata[OnnxFolder.Memory] = memory.ToString(CultureInfo.InvariantCulture);
            message = builder.Build(metadata);
        });
        OnnxFolder.WriteGraph(folder, message!);
        return (graph!, message!);
    }

    /// <summary>As it is written: int4, groups of 32, gptq.</summary>
    public static string Describe(QuantizationSpec? quantization) => quantization switch
    {
        null => "fp32",
        { Weights: WeightType.Int8 } => $"int8, {quantization.Method.ToString().ToLowerInvariant()}",
        _ => string.Create(CultureInfo.InvariantCulture, $"int4, groups of {quantization.Group}, {quantization.Method.ToString().ToLowerInvariant()}"),
    };

    private static LinearForms Forms(QuantizationSpec? quantization, Calibration? moments)
    {
        if (quantization is null) return LinearForms.Fp32;
        IWeightRounding rounding = moments is null ? new NearestRounding() : new GptqRounding(moments.Moments);
        ILinearForm form = quantization.Weights == WeightType.Int8 ? new Int8Linear(rounding) : new Int4Linear(rounding, quantization.Group);
        LayerPattern[] kept = [.. quantization.Keep.Select(pattern => new LayerPattern(pattern))];
        return new LinearForms(form, layer => kept.Any(pattern => pattern.Matches(layer)));
    }

    private static void CheckWeights(ICompiledModel model)
    {
        foreach (var (name, value) in model.Parameters.Parameters())
        {
            using var finite = value.isfinite();
            using var all = finite.all();
            if (!all.item<bool>())
                throw new OnnxException($"The parameter '{name}' has values that are not finite: the model's training diverged. Export an earlier checkpoint.");
        }
    }
}
