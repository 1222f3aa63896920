using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using ModelCompiler.Runtime.Onnx.Steps;
using ModelCompiler.Runtime.Tokenizers;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>The weights of an exported model that predicts next tokens, in ONNX Runtime, loaded once for any number of programs. Thread-safe.</summary>
public sealed class OnnxModel : ILanguageModel
{
    /// <summary>By what share of the largest logit two ways to round inputs to 8 bits may differ.</summary>
    private const float StepTolerance = 0.25f;

    private const int CheckedTokens = 3;

    private readonly string _folder;
    private readonly IReadOnlyDictionary<string, string> _metadata;
    private readonly string _device;

    private OnnxModel(InferenceSession session, ModelDescription description, string folder, IReadOnlyDictionary<string, string> metadata, string device) =>
        (Session, Description, _folder, _metadata, _device) = (session, description, folder, metadata, device);

    public ModelDescription Description { get; }

    internal InferenceSession Session { get; }

    /// <summary>Runs single tokens, and a few together, in the place of ONNX Runtime; null where it cannot.</summary>
    internal StepPlan? Steps { get; private set; }

    /// <summary>How its weights are rounded, as the export says it.</summary>
    internal string Quantization => _metadata[OnnxFolder.Quantization];

    /// <summary>Opens an exported model and runs a few tokens, so that broken weights are found now. Its files stay open, and may be mapped, until it is disposed.</summary>
    /// <param name="model">The model that it is to be.</param>
    /// <param name="folder">Where it was exported to.</param>
    /// <param name="options">How it runs.</param>
    /// <exception cref="OnnxException">Files are missing, damaged, or of another model; or there is no such device.</exception>
    public static OnnxModel Open(ModelDescription model, string folder, OnnxOptions? options = null) => Open(model, folder, options ?? new(), kernels: null);

    /// <param name="model">The model that it is to be.</param>
    /// <param name="folder">Where it was exported to.</param>
    /// <param name="options">How it runs.</param>
    /// <param name="kernels">
    /// Whether single tokens are run by kernels of our own, where there are any; null where that pays: weights in fp32 ONNX Runtime reads with the memory's bandwidth too.
    /// </param>
    internal static OnnxModel Open(ModelDescription model, string folder, OnnxOptions options, bool? kernels)
    {
        var metadata = OnnxFolder.Read(folder, model);
        var steps = options.Device == "cpu" && (kernels ?? metadata[OnnxFolder.Quantization] != OnnxExport.Fp32) ? StepPlan.Of(folder, options) : null;
        try
        {
            return OnnxSession.Open(folder, metadata, options, yields: steps is not null, session =>
            {
                var opened = new OnnxModel(session, model, folder, metadata, options.Device);
                opened.CheckWeights(steps);
                return opened;
            });
        }
        catch
        {
            steps?.Dispose();
            throw;
        }
    }

    /// <summary>A program of the kind that the export asks for: over caches in place, over a memory of segments, or over caches that grow.</summary>
    public IInferenceProgram CreateInference(int batch = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        if (_metadata.TryGetValue(OnnxFolder.Memory, out var memory))
            return Separate(() => new OnnxRecurrentSequence(Session, Description, int.Parse(memory, CultureInfo.InvariantCulture)), batch);
        return Reads("past_key_values.") && !Reads(OnnxGraph.PastLengths)
            ? Separate(() => new OnnxStandardSequence(Session, Description), batch)
            : new OnnxProgram(this, _device, batch);
    }

    /// <summary>The tokenizer beside the model.</summary>
    /// <exception cref="OnnxException">It is not the one that the model was exported with.</exception>
    /// <exception cref="Data.DataException">There is none, or it is damaged.</exception>
    public ITextTokenizer LoadTokenizer() => OnnxFolder.LoadTokenizer(_folder, _metadata);

    public void Dispose()
    {
        Session.Dispose();
        Steps?.Dispose();
    }

    private OnnxSequences Separate(Func<IOnnxSequence> make, int batch) => new([.. Enumerable.Range(0, batch).Select(_ => make())], Description.Vocabulary);

    private bool Reads(string input) => Session.InputNames.Any(name => name.StartsWith(input, StringComparison.Ordinal));

    /// <summary>Runs tokens one by one in ONNX Runtime, and in the kernels, which are given up if they do not come to about the same.</summary>
    private void CheckWeights(StepPlan? steps)
    {
        float[] logits = Read(steps is null ? 1 : Math.Min(CheckedTokens, Description.Context));
        foreach (var logit in logits)
        {
            if (!float.IsFinite(logit))
                throw new OnnxException($"The model in '{_folder}' gives logits that are {logit}: its weights are broken. Export it again from a checkpoint that is not.");
        }

        if (steps is null) return;
        Steps = steps;
        if (IsNear(logits, Read(logits.Length / Description.Vocabulary))) return;
        Steps = null;
        steps.Dispose();
    }

    /// <summary>The logits of single tokens, each behind the one before.</summary>
    private float[] Read(int tokens)
    {
        using var program = CreateInference();
        return [.. Enumerable.Range(0, tokens).SelectMany(_ => program.Forward(0, [0]).ToArray())];
    }

    private static bool IsNear(float[] expected, float[] actual)
    {
        var most = StepTolerance * expected.Max(Math.Abs);
        for (var i = 0; i < expected.Length; i++)
            if (!(Math.Abs(actual[i] - expected[i]) <= most)) return false;
        return true;
    }
}
