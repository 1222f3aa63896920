using System.Globalization;
using Google.Protobuf;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Onnx.Linears;
using ModelCompiler.Runtime.Onnx.Messages;
using ModelCompiler.Runtime.Onnx.Rounding;
using ModelCompiler.Runtime.Tokenizers;
using ModelCompiler.Runtime.Training;
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
        ICompiledModel model, string folder, QuantizationSpec? quantization, ITextTokenizer tokenizer, IReadOnlyList<int[]> calibration, bool opsetOnly = false) =>
        Write(model, folder, quantization, tokenizer, calibration, opsetOnly, _ => { }, ExportWatch.None);

    /// <summary>The same, verified on held-out text before it takes the place of an earlier export, which a failure leaves as it is.</summary>
    /// <param name="model">Its generated class describes the graph.</param>
    /// <param name="folder">Where the files go.</param>
    /// <param name="quantization">How its weights are rounded; null for fp32.</param>
    /// <param name="data">Its text and tokenizer.</param>
    /// <param name="opsetOnly">Whether the graph has operators of the ONNX standard alone.</param>
    /// <param name="watch">Follows it, and may end it.</param>
    /// <exception cref="OnnxException">As of the other; or the export does not do what the model does.</exception>
    internal static OnnxVerification WriteVerified(ICompiledModel model, string folder, QuantizationSpec? quantization, Dataset data, bool opsetOnly, ExportWatch watch)
    {
        OnnxVerification? found = null;
        var calibration = quantization is not null && NeedsText(quantization) ? Calibration.Windows(data, model.Description) : [];
        Write(model, folder, quantization, data.Tokenizer, calibration, opsetOnly, fresh => found = OnnxVerification.Run(model, fresh, data, exact: quantization is null, watch), watch);
        return found!;
    }

    /// <param name="verify">Is given the files before they take their place; what it throws leaves an earlier export as it is.</param>
    /// <param name="watch">Follows it, and may end it.</param>
    /// <inheritdoc cref="Write(ICompiledModel, string, QuantizationSpec?, ITextTokenizer, IReadOnlyList{int[]}, bool)"/>
    internal static void Write(
        ICompiledModel model, string folder, QuantizationSpec? quantization, ITextTokenizer tokenizer, IReadOnlyList<int[]> calibration, bool opsetOnly,
        Action<string> verify, ExportWatch watch)
    {
        if (opsetOnly && quantization is not null)
            throw new OnnxException("An export in operators of the ONNX standard alone keeps its weights in fp32. Export with --quantization fp32, or without opset-only.");
        CheckWeights(model);
        OnnxFolder.Write(folder, fresh =>
        {
            var message = quantization is null
                ? WriteAsTheyAre(model, fresh, opsetOnly, tokenizer.Hash)
                : WriteRounded(model, fresh, quantization, tokenizer.Hash, calibration, watch);
            tokenizer.Save(fresh);
            if (GenAi.Knows(message.Graph)) GenAi.Write(message, model.Description, tokenizer, fresh);
            verify(fresh);
        });
    }

    private static ModelProto WriteAsTheyAre(ICompiledModel model, string folder, bool opsetOnly, string tokenizerHash)
    {
        using var parameters = model.Parameters.Masters();
        return WriteGraph(model, parameters, folder, new OnnxForms { IsStandard = opsetOnly }, tokenizerHash: tokenizerHash).Message;
    }

    private static ModelProto WriteRounded(
        ICompiledModel model, string folder, QuantizationSpec quantization, string tokenizerHash, IReadOnlyList<int[]> calibration, ExportWatch watch)
    {
        using var parameters = Quantizer.Scales(quantization) ? model.Parameters.Snapshot() : model.Parameters.Masters();
        using var observed = ObservesLayers(quantization) ? Calibration.Observe(model, parameters, calibration, watch) : null;
        var quantizer = Quantizer.Of(quantization, observed, watch);
        var caches = quantization.KvCache == KvCacheType.Int8 ? CacheScales.Observe(model, parameters, calibration, watch) : null;
        ModelProto? message = null;
        watch.Run("rounding weights", quantizer.Count(model, parameters), step =>
        {
            var forms = Forms(quantization, quantizer with { Rounding = new WatchedRounding(quantizer.Rounding, step) }, observed) with { Caches = caches };
            message = WriteGraph(model, parameters, folder, forms, quantization: quantization, tokenizerHash: tokenizerHash).Message;
        });
        return message!;
    }

    /// <summary>Whether a quantization observes the model while it reads text.</summary>
    public static bool NeedsText(QuantizationSpec quantization) => ObservesLayers(quantization) || quantization.KvCache == KvCacheType.Int8;

    private static bool ObservesLayers(QuantizationSpec quantization) => Quantizer.NeedsText(quantization) || quantization.Activations == ActivationRange.Static;

    /// <summary>The graph and its weights in a folder.</summary>
    /// <returns>What the graph says of itself, and the graph.</returns>
    internal static (OnnxGraph Graph, ModelProto Message) WriteGraph(
        ICompiledModel model, ParameterStore parameters, string folder, OnnxForms forms, Action<OnnxBuilder, OnnxGraph>? extend = null,
        QuantizationSpec? quantization = null, string tokenizerHash = "")
    {
        OnnxGraph? graph = null;
        ModelProto? message = null;
        AtomicFile.Write(OnnxFolder.DataPath(folder), stream =>
        {
            using var gradientless = no_grad();
            using var scope = NewDisposeScope();
            var data = new ExternalData(stream, OnnxFolder.Data);
            var builder = new OnnxBuilder(model.Description.Name, data);
            graph = new OnnxGraph(builder, parameters, model.Description, forms);
            model.Define(graph);
            extend?.Invoke(builder, graph);
            var metadata = new Dictionary<string, string>
            {
                [OnnxFolder.Name] = model.Description.Name,
                [OnnxFolder.SpecHash] = model.Description.SpecHash,
                [OnnxFolder.TokenizerHash] = tokenizerHash,
                [OnnxFolder.Quantization] = Describe(quantization),
                [OnnxFolder.DataBytes] = data.Length.ToString(CultureInfo.InvariantCulture),
                [OnnxFolder.ParameterCount] = model.Description.ParameterCount.ToString(CultureInfo.InvariantCulture),
                [OnnxFolder.FlopsPerToken] = model.Description.ForwardFlopsPerToken.ToString(CultureInfo.InvariantCulture),
            };
            if (graph.Memory is { } memory) metadata[OnnxFolder.Memory] = memory.ToString(CultureInfo.InvariantCulture);
            message = builder.Build(metadata);
        });
        OnnxFolder.WriteGraph(OnnxFolder.GraphPath(folder), message!);
        return (graph!, message!);
    }

    /// <summary>Says of a model, trained or not, whether it has a graph in the operators that it declares.</summary>
    /// <exception cref="NotSupportedException">It has none.</exception>
    internal static void Check(ICompiledModel model)
    {
        using var parameters = model.Parameters.Masters();
        foreach (var layer in Layers(model, parameters, new() { IsStandard = model.Description.OpsetOnly })) layer.Weight.Dispose();
    }

    /// <summary>The linear layers of a model, whose weights are the caller's to dispose.</summary>
    internal static IReadOnlyList<LinearLayer> Layers(ICompiledModel model, ParameterStore parameters, OnnxForms? forms = null)
    {
        using var gradientless = no_grad();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraph(new OnnxBuilder(model.Description.Name, new ExternalData(Stream.Null, OnnxFolder.Data)), parameters, model.Description, forms ?? new());
        model.Define(graph);
        return graph.LinearLayers;
    }

    /// <summary>The description of weights that are not quantized.</summary>
    public const string Fp32 = "fp32";

    /// <summary>As it is written: int4, groups of 32, gptq.</summary>
    public static string Describe(QuantizationSpec? quantization)
    {
        if (quantization is null) return Fp32;
        List<string> parts = [KebabCase.Of(quantization.Weights.ToString())];
        if (quantization.Weights != WeightType.Int8) parts.Add(string.Create(CultureInfo.InvariantCulture, $"groups of {quantization.Group}"));
        if (!quantization.Symmetric) parts.Add("zero points");
        parts.Add(KebabCase.Of(quantization.Method.ToString()));
        if (quantization.Activations == ActivationRange.Static) parts.Add("static activations");
        if (quantization.Prefill == PrefillType.Int8) parts.Add("int8 prefill");
        if (quantization.Embeddings != EmbeddingType.Fp32) parts.Add($"{KebabCase.Of(quantization.Embeddings.ToString())} embeddings");
        if (quantization.KvCache == KvCacheType.Int8) parts.Add("int8 KV cache");
        return string.Join(", ", parts);
    }

    /// <summary>The form of each layer.</summary>
    private static OnnxForms Forms(QuantizationSpec quantization, Quantizer quantizer, Calibration? observed)
    {
        Func<string, (float, float)>? range = quantization.Activations == ActivationRange.Static ? layer => (observed!.Inputs[layer].Least.Min(), observed.Inputs[layer].Most.Max()) : null;
        return new()
        {
            Linears = LinearForms.Of(quantizer.Plan, quantizer.Rounding, range, prompts: quantization.Prefill == PrefillType.Int8),
            TellsPrompts = quantization.Prefill == PrefillType.Int8,
            Embeddings = quantization.Embeddings switch
            {
                EmbeddingType.Int8 => new QuantizedTable(8, quantization.Group),
                EmbeddingType.Int4 => new QuantizedTable(4, quantization.Group),
                _ => null,
            },
        };
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
