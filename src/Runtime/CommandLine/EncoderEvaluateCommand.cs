using System.CommandLine;
using ModelCompiler.Runtime.Data;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Training;
using ModelCompiler.Runtime.Training.Feeds;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>How well a trained encoder, in either engine, does what it was trained for, on the batches that training validates it on.</summary>
internal static class EncoderEvaluateCommand
{
    public static Command Create(ProgramContext program, SharedOptions options) =>
        new Command("evaluate", "Measures the trained model in the output folder on held-out text: loss and accuracy of each of its tasks.").With(
            [.. options.Running, options.Data],
            result =>
            {
                using var loaded = LoadedEncoder.Open(program, result, options);
                var (model, training) = (program.Model, program.Model.Training);
                using var data = Dataset.Open(
                    training with { Source = result.GetValue(options.Data) ?? loaded.Source ?? training.Source }, model.Vocabulary, loaded.Tokenizer,
                    report: program.Output.Text.WriteLine, cancellation: program.Interrupt);
                var batches = new ValidationBatches(model, data);
                if (batches.Source is null || batches.Count == 0)
                    throw new DataException("There is no held-out text to measure the model on. Set training.data.validation above 0, or give another text with --data.");
                var found = Run(program, new EncoderLoss(model, loaded.Program), batches);
                program.Output.Text.WriteLine($"{model.Name} ({result.GetValue(options.Engine)}): {found} over {batches.Count * batches.Source.Batch} sequences of up to {model.Context} tokens");
                return ModelProgram.Done;
            });

    private static EvaluationResult Run(ProgramContext program, EncoderLoss losses, ValidationBatches batches)
    {
        var tokens = new long[batches.Source!.Batch * batches.Source.Sequence];
        var (targets, loss) = (new long[tokens.Length], 0.0);
        program.Output.Follow("evaluating", batches.Count, step =>
        {
            for (var index = 0; index < batches.Count; index++)
            {
                program.Interrupt.ThrowIfCancellationRequested();
                batches.Source.Fill(index, tokens, targets);
                loss += losses.Add(tokens, targets) / batches.Count;
                step();
            }
        });
        return new EvaluationResult(loss, double.NaN) { Measures = losses.Measures() };
    }
}
