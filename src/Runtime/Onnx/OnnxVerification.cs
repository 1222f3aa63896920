using System.Globalization;
using System.Text.Json;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Onnx.Verification;
using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Feeds;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>An exported model beside the one that it was exported from, on held-out text.</summary>
/// <param name="MaxError">Largest difference of a logit.</param>
/// <param name="MeanError">Mean difference of logits.</param>
/// <param name="Exported">Loss of the exported model.</param>
/// <param name="Original">Loss of the original, by the forward pass of training.</param>
public sealed record OnnxVerification(double MaxError, double MeanError, EvaluationResult Exported, EvaluationResult Original)
{
    /// <summary>Written beside the model.</summary>
    public const string File = "verification.json";

    /// <summary>Largest share by which the loss of an export in fp32 may differ.</summary>
    private const double Tolerance = 0.01;

    private const int Batches = 2;

    /// <summary>Runs both over the same text, prints nothing, and writes what it found beside the model.</summary>
    /// <exception cref="OnnxException">The export does not do what the model does.</exception>
    public static OnnxVerification Run(ICompiledModel model, string folder, Dataset data, bool exact)
    {
        var batches = new ValidationBatches(model.Description, data);
        if (batches.Source is null || batches.Count == 0)
            throw new OnnxException("An export is verified on held-out text, and there is none. Set training.data.validation above 0.");
        using var pair = Open(model, folder);
        var tokens = new long[batches.Source.Batch * batches.Source.Sequence];
        var targets = new long[tokens.Length];
        var errors = new LogitErrors();
        double exported = 0, original = 0;
        var count = Math.Min(Batches, batches.Count);
        for (var batch = 0; batch < count; batch++)
        {
            batches.Source.Fill(batch, tokens, targets);
            var losses = pair.Losses(tokens, targets, errors);
            (exported, original) = (exported + (losses.Exported / count), original + (losses.Original / count));
        }

        var result = new OnnxVerification(errors.Max, errors.Mean, Result(exported), Result(original));
        if (!double.IsFinite(exported) || (exact && Math.Abs(exported - original) > Tolerance * original))
        {
            throw new OnnxException(string.Create(CultureInfo.InvariantCulture,
                $"The exported model's loss on held-out text is {exported:F4} where the original's is {original:F4}: the export does not do what the model does."));
        }

        AtomicFile.WriteText(Path.Combine(folder, File), JsonSerializer.Serialize(result, s_json) + "\n");
        return result;

        EvaluationResult Result(double loss) => new(loss, batches.BitsPerByte(loss, data.Tokenizer));
    }

    private static IPair Open(ICompiledModel model, string folder) => model.Description.Training.Objective.Kind != ObjectiveKind.Causal
        ? new EncoderPair(model, folder)
        : DecodingPair(model, OnnxModel.Open(model.Description, folder));

    private static IPair DecodingPair(ICompiledModel model, OnnxModel exported) => exported.CreateInference() switch
    {
        OnnxProgram program => new DecoderPair(model, exported, program),
        var other => new StepwisePair(model, exported, other),
    };

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}
