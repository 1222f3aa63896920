using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Onnx.Verification;
using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Feeds;

namespace ModelCompiler.Runtime.Onnx;

/// <summary>An exported model beside the one that it was exported from, on held-out text.</summary>
/// <param name="MaxError">Largest difference of a logit; of encoders also of a token's vector.</param>
/// <param name="MeanError">Mean difference of them.</param>
/// <param name="Exported">Loss of the exported model.</param>
/// <param name="Original">Loss of the original, by the forward pass of training.</param>
public sealed record OnnxVerification(double MaxError, double MeanError, EvaluationResult Exported, EvaluationResult Original)
{
    /// <summary>Written beside the model.</summary>
    public const string File = "verification.json";

    /// <summary>Largest share by which the loss of an export in fp32 may differ.</summary>
    private const double LossTolerance = 0.01;

    /// <summary>
    /// In how many calls, and by how much of its largest logit, an export in fp32 may differ at most: by what two orders of summation come to,
    /// but for a token whose experts were as good as tied. A wrong position or a lost key is a multiple of it, from there on.
    /// </summary>
    private static readonly (double Calls, double Share) s_wide = (0.99, 1e-3);

    /// <summary>The same where the model computes in 16 or fewer bits and the export does not, so that experts change too.</summary>
    private static readonly (double Calls, double Share) s_narrow = (0.5, 0.1);

    private const int Batches = 2;

    /// <summary>Runs both over the same text, prints nothing, and writes what it found beside the model.</summary>
    /// <param name="model">The original.</param>
    /// <param name="folder">The export.</param>
    /// <param name="data">With held-out text.</param>
    /// <param name="exact">Whether the export's weights are those of the model, in fp32.</param>
    /// <exception cref="OnnxException">The export does not do what the model does, or there is no held-out text.</exception>
    public static OnnxVerification Run(ICompiledModel model, string folder, Dataset data, bool exact) => Run(model, folder, data, exact, ExportWatch.None);

    internal static OnnxVerification Run(ICompiledModel model, string folder, Dataset data, bool exact, ExportWatch watch)
    {
        var batches = new ValidationBatches(model.Description, data);
        if (batches.Source is null || batches.Count == 0)
            throw new OnnxException("An export is verified on held-out text, and there is none. Set training.data.validation above 0.");
        using IPair pair = model.Description.Training.Objective.Kind == ObjectiveKind.Causal ? new NextTokenPair(model, folder) : new EncoderPair(model, folder);
        var tokens = new long[batches.Source.Batch * batches.Source.Sequence];
        var targets = new long[tokens.Length];
        var errors = new LogitErrors();
        double exported = 0, original = 0;
        var count = Math.Min(Batches, batches.Count);
        watch.Run("verifying", count, step =>
        {
            for (var batch = 0; batch < count; batch++)
            {
                batches.Source.Fill(batch, tokens, targets);
                var losses = pair.Losses(tokens, targets, errors);
                (exported, original) = (exported + (losses.Exported / count), original + (losses.Original / count));
                step();
            }
        });
        Check(model.Description, exported, original, errors, exact);
        var measures = pair.Measures();
        var result = new OnnxVerification(
            errors.Max, errors.Mean, Result(exported) with { Measures = measures.Exported }, Result(original) with { Measures = measures.Original });
        AtomicFile.WriteText(Path.Combine(folder, File), JsonSerializer.Serialize(result, s_json) + "\n");
        return result;

        EvaluationResult Result(double loss) => new(loss, batches.BitsPerByte(loss, data.Tokenizer));
    }

    private static void Check(ModelDescription model, double exported, double original, LogitErrors errors, bool exact)
    {
        if (!double.IsFinite(exported) || (exact && Math.Abs(exported - original) > LossTolerance * original))
        {
            throw new OnnxException(string.Create(CultureInfo.InvariantCulture,
                $"The exported model's loss on held-out text is {exported:F4} where the original's is {original:F4}: the export does not do what the model does."));
        }

        var (calls, share) = model.Compute == Precision.Fp32 ? s_wide : s_narrow;
        if (exact && !(errors.Share(calls) <= share))
        {
            throw new OnnxException(string.Create(CultureInfo.InvariantCulture,
                $"The exported model's logits on held-out text differ by up to {errors.Max:G3}, and not in {calls:P0} of the calls by less than {share:P1} of the largest beside them, as rounding explains: the export does not do what the model does."));
        }
    }

    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { LeaveOutWhatThereIsNot } },
    };

    /// <summary>Numbers that are not finite, such as the bits per byte of an encoder, and measures where there are none.</summary>
    private static void LeaveOutWhatThereIsNot(JsonTypeInfo type)
    {
        foreach (var property in type.Properties)
            property.ShouldSerialize = (_, value) => value is double number ? double.IsFinite(number) : value is not EquatableArray<Measure> { Count: 0 };
    }
}
