using System.CommandLine;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Data.Batches;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>How well a trained model, in either engine, predicts held-out text.</summary>
internal static class EvaluateCommand
{
    public static Command Create(ProgramContext program, SharedOptions options)
    {
        var windows = new Option<int>("--windows") { HelpName = "n", Description = "Most windows of the model's context, spread evenly over the text.", DefaultValueFactory = _ => 64 };
        windows.Require(count => count > 0, "at least 1");
        return new Command("evaluate", "Measures the trained model in the output folder on held-out text: bits per byte and perplexity.").With(
            [.. options.Running, options.Data, windows],
            result =>
            {
                using var loaded = LoadedModel.Open(program, result, options);
                var training = program.Model.Training;
                using var data = Dataset.Open(
                    training with { Source = result.GetValue(options.Data) ?? loaded.Source ?? training.Source }, program.Model.Vocabulary, loaded.Tokenizer,
                    report: program.Output.Text.WriteLine, cancellation: program.Interrupt);
                var (found, count) = Run(program, loaded.Model, data, result.GetValue(windows));
                program.Output.Text.WriteLine($"{program.Model.Name} ({result.GetValue(options.Engine)}): {found} over {count} windows of {program.Model.Context} tokens");
                return ModelProgram.Done;
            });
    }

    private static (EvaluationResult Result, int Windows) Run(ProgramContext program, ILanguageModel model, Dataset data, int most)
    {
        // A memory of segments goes on from window to window.
        var (context, recurrent) = (program.Model.Context, program.Model.SegmentMemory > 0);
        var windows = new ValidationWindows(data.Validation, batch: 1, context, most, continuous: recurrent);
        if (windows.Batches == 0) throw new DataException("There is no held-out text to measure the model on. Set training.data.validation above 0, or give another text with --data.");
        using var inference = model.CreateInference();
        var (tokens, targets, loss) = (new long[context], new long[context], 0.0);
        program.Output.Follow("evaluating", windows.Batches, step =>
        {
            for (var index = 0; index < windows.Batches; index++)
            {
                program.Interrupt.ThrowIfCancellationRequested();
                windows.Fill(index, tokens, targets);
                if (!recurrent) inference.Reset();
                loss += CrossEntropy.Of(inference, 0, tokens, targets).Nats / ((double)context * windows.Batches);
                step();
            }
        });
        return (new EvaluationResult(loss, windows.BitsPerByte(loss, data.Tokenizer)), windows.Batches);
    }
}
