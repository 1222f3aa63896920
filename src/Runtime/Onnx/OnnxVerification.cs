using System.Globalization;
using System.Text.Json;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.IO;
using ModelCompiler.Runtime.Training;

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

    /// <summary>Runs both over the same windows, prints nothing, and writes what it found beside the model.</summary>
    /// <exception cref="OnnxException">The export does not do what the model does.</exception>
    public static OnnxVerification Run(ICompiledModel model, string folder, Dataset data, bool exact)
    {
        var description = model.Description;
        var windows = new ValidationWindows(data.Validation, description.Batch, description.Context, Batches);
        if (windows.Batches == 0)
            throw new OnnxException("An export is verified on held-out text, and there is none. Set training.data.validation above 0.");
        using var program = OnnxProgram.Open(description, folder);
        using var training = model.CreateTraining();
        using var inference = model.CreateInference();
        var (tokens, targets) = (new long[description.Batch * description.Context], new long[description.Batch * description.Context]);
        var logits = new float[description.Context * description.Vocabulary];
        double exported = 0, original = 0, max = 0, sum = 0;
        var compared = 0L;
        for (var batch = 0; batch < windows.Batches; batch++)
        {
            windows.Fill(batch, tokens, targets);
            original += training.Evaluate(tokens, targets) / windows.Batches;
            for (var row = 0; row < description.Batch; row++)
            {
                int[] window = [.. tokens.AsSpan(row * description.Context, description.Context).ToArray().Select(token => (int)token)];
                program.Reset();
                program.ForwardAll(window, logits);
                exported += Loss(logits, targets.AsSpan(row * description.Context, description.Context)) / (windows.Batches * description.Batch);
                if (row > 0) continue;

                // Through the caches of both: a part of the window at once, the rest token by token.
                program.Reset();
                inference.Reset();
                Compare(program.Forward(window.AsSpan(0, window.Length / 2)), inference.Forward(window.AsSpan(0, window.Length / 2)));
                foreach (var token in window.AsSpan(window.Length / 2)) Compare(program.Forward([token]), inference.Forward([token]));
            }
        }

        var result = new OnnxVerification(max, sum / compared, Result(exported), Result(original));
        if (!double.IsFinite(exported) || (exact && Math.Abs(exported - original) > Tolerance * original))
        {
            throw new OnnxException(string.Create(CultureInfo.InvariantCulture,
                $"The exported model's loss on held-out text is {exported:F4} where the original's is {original:F4}: the export does not do what the model does."));
        }

        AtomicFile.WriteText(Path.Combine(folder, File), JsonSerializer.Serialize(result, s_json) + "\n");
        return result;

        EvaluationResult Result(double loss) => new(loss, windows.BitsPerByte(loss, data.Tokenizer));

        void Compare(ReadOnlySpan<float> found, ReadOnlySpan<float> wanted)
        {
            for (var i = 0; i < wanted.Length; i++)
            {
                var error = Math.Abs((double)found[i] - wanted[i]);
                (max, sum) = (Math.Max(max, error), sum + error);
            }

            compared += wanted.Length;
        }
    }

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Mean cross-entropy of logits [T, V] in nats per token.</summary>
    private static double Loss(ReadOnlySpan<float> logits, ReadOnlySpan<long> targets)
    {
        var (vocabulary, loss) = (logits.Length / targets.Length, 0.0);
        for (var t = 0; t < targets.Length; t++)
        {
            var row = logits.Slice(t * vocabulary, vocabulary);
            var (largest, sum) = (float.NegativeInfinity, 0.0);
            foreach (var logit in row) largest = Math.Max(largest, logit);
            foreach (var logit in row) sum += Math.Exp(logit - largest);
            loss += largest + Math.Log(sum) - row[(int)targets[t]];
        }

        return loss / targets.Length;
    }
}
