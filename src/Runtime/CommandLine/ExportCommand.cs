using System.CommandLine;
using System.Globalization;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Onnx;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Writes a trained model for ONNX Runtime, verifies the file against the model, and says what it costs.</summary>
internal static class ExportCommand
{
    public static Command Create(ProgramContext program, SharedOptions options)
    {
        var model = program.Model;
        Option<string?> folder = new("--onnx") { HelpName = "folder", Description = "Where to write the model. [default: onnx in the output folder]" };
        Option<bool> opsetOnly = new("--opset-only")
        {
            Description = "Operators of the ONNX standard alone, for other runtimes.", DefaultValueFactory = _ => model.OpsetOnly,
        };
        var quantization = new QuantizationOptionSet(model.Quantization);
        return new Command("export", "Writes the trained model in the output folder for ONNX Runtime, and verifies what it has written.").With(
            [options.Output, folder, .. quantization.All, opsetOnly],
            result =>
            {
                var (run, rounding) = (result.GetValue(options.Output)!, quantization.Read(result));
                if (rounding is not null && HardwareAdvice.OfEncoder(rounding, model.Training.Objective.Kind) is { } advice) program.Output.Text.WriteLine(advice);
                return Run(program, run, result.GetValue(folder) ?? OnnxFolder.In(run), rounding, result.GetValue(opsetOnly));
            });
    }

    private static int Run(ProgramContext program, string run, string folder, QuantizationSpec? quantization, bool opsetOnly)
    {
        var (output, description) = (program.Output, program.Model);
        using var model = program.Create("cpu");
        var (source, tokenizer) = TrainedModel.Load(model, run, output.Error.WriteLine);
        using var data = Dataset.Open(
            description.Training with { Source = source ?? description.Training.Source }, description.Vocabulary, tokenizer,
            report: output.Text.WriteLine, cancellation: program.Interrupt);
        using var smaller = model.RemovePruned();
        var artifact = smaller ?? model;
        var found = OnnxExport.WriteVerified(artifact, folder, quantization, data, opsetOnly, new ExportWatch(output.Follow, program.Interrupt));
        var (bytes, original) = (OnnxFolder.Size(folder), 4 * artifact.Description.ParameterCount);
        output.Text.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{folder}: {OnnxExport.Describe(quantization)}, {bytes / 1048576.0:F1} MiB, {(double)original / bytes:F2} times smaller than fp32 parameters"));
        output.Text.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"verified on held-out text: {found.Exported} where the model has {found.Original} ({(found.Exported.Loss / found.Original.Loss) - 1:+0.00 %;-0.00 %;0.00 %}); logits differ by {found.MeanError:G3} in the mean, {found.MaxError:G3} at most"));
        return ModelProgram.Done;
    }
}
