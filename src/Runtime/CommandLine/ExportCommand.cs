using System.CommandLine;
using System.Globalization;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Onnx;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Writes a trained model for ONNX Runtime, verifies the file against the model, and says what it costs.</summary>
internal sealed class ExportCommand(ICompiledModel model, ProgramOutput output)
{
    /// <summary>The command as <c>System.CommandLine</c> knows it.</summary>
    public static Command Create(ModelDescription model, Option<string> run, Func<string, string?, QuantizationSpec?, bool, int> export)
    {
        Option<string?> folder = new("--onnx") { HelpName = "folder", Description = "Where to write the model. [default: onnx in the output folder]" };
        Option<string> weights = new("--quantization")
        {
            Description = "Weights of linear layers: fp32, int8, int4 or int2.",
            DefaultValueFactory = _ => model.Quantization is { } declared ? KebabCase.Of(declared.Weights.ToString()) : "fp32",
        };
        Option<int> group = new("--group")
        {
            HelpName = "n", Description = "Of int4 and int2: weights that share a scale.", DefaultValueFactory = _ => (model.Quantization ?? new QuantizationSpec()).Group,
        };
        // Only a model that was trained for it can be rounded as it was trained.
        var methods = Enum.GetValues<RoundingMethod>().Where(m => m != RoundingMethod.Qat || model.Quantization?.Method == m).ToDictionary(m => KebabCase.Of(m.ToString()));
        Option<string> method = new("--method")
        {
            Description = $"How weights are rounded: {string.Join(", ", methods.Keys)}.",
            DefaultValueFactory = _ => KebabCase.Of((model.Quantization?.Method ?? RoundingMethod.Nearest).ToString()),
        };
        Option<bool> opsetOnly = new("--opset-only")
        {
            Description = "Operators of the ONNX standard alone, for other runtimes.", DefaultValueFactory = _ => model.OpsetOnly,
        };
        weights.AcceptOnlyFromAmong("fp32", "int8", "int4", "int2");
        method.AcceptOnlyFromAmong([.. methods.Keys]);
        group.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is not (16 or 32 or 64 or 128 or 256)) result.AddError("--group must be 16, 32, 64, 128 or 256.");
        });
        var command = new Command("export", "Writes the trained model in the output folder for ONNX Runtime, and verifies what it has written.") { run, folder, weights, group, method, opsetOnly };
        command.SetAction(result => export(result.GetValue(run)!, result.GetValue(folder), result.GetValue(weights) == "fp32" ? null : (model.Quantization ?? new QuantizationSpec()) with
        {
            Weights = Enum.Parse<WeightType>(result.GetValue(weights)!, ignoreCase: true),
            Group = result.GetValue(group),
            Method = methods[result.GetValue(method)!],
        }, result.GetValue(opsetOnly)));
        return command;
    }

    public int Run(string run, string? folder, QuantizationSpec? quantization, bool opsetOnly, CancellationToken interrupt)
    {
        folder ??= OnnxFolder.In(run);
        var description = model.Description;
        var (source, tokenizer) = TrainedModel.Load(model, run, output.Error.WriteLine);
        using var data = Dataset.Open(
            description.Training with { Source = source ?? description.Training.Source }, description.Vocabulary, tokenizer, report: output.Text.WriteLine, cancellation: interrupt);
        using var smaller = model.RemovePruned();
        var artifact = smaller ?? model;
        OnnxExport.Write(artifact, folder, quantization, tokenizer, quantization is not null && OnnxExport.NeedsText(quantization) ? Calibration.Windows(data, description) : [], opsetOnly);
        var found = OnnxVerification.Run(artifact, folder, data, exact: quantization is null);
        var (bytes, original) = (OnnxFolder.Size(folder), 4 * artifact.Description.ParameterCount);
        output.Text.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{folder}: {OnnxExport.Describe(quantization)}, {bytes / 1048576.0:F1} MiB, {(double)original / bytes:F2} times smaller than fp32 parameters"));
        output.Text.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"verified on held-out text: {found.Exported} where the model has {found.Original} ({(found.Exported.Loss / found.Original.Loss) - 1:+0.00 %;-0.00 %}); logits differ by {found.MeanError:G3} in the mean, {found.MaxError:G3} at most"));
        return ModelProgram.Done;
    }
}
