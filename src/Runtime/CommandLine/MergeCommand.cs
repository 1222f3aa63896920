using System.CommandLine;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Merges trained adapters into the frozen weights, for the model without adapters.</summary>
internal static class MergeCommand
{
    public static Command Create(ProgramContext program, SharedOptions options)
    {
        var folder = new Argument<string>("folder") { Description = "Where to write a checkpoint of the model without adapters." };
        return new Command("merge", "Merges the trained adapters in the output folder into the frozen weights.") { folder }.With(
            [options.Output, options.Device, .. options.Adapters],
            result =>
            {
                using var model = program.Create(result.GetValue(options.Device)!);
                return Run(model, result.GetValue(options.Output)!, result.GetValue(options.Base), result.GetValue(folder)!, program.Output);
            });
    }

    private static int Run(ICompiledModel model, string run, string? frozen, string folder, ProgramOutput output)
    {
        var (_, tokenizer) = TrainedModel.Load(model, run, output.Error.WriteLine, frozen);
        var path = TrainedModel.Checkpoint(run, model.Description, _ => { });
        var state = ModelCheckpoint.ReadState(path);
        Adapters.Merge(model);
        if (Directory.Exists(frozen ?? state.Base!.Path))
        {
            Adapters.ExportBase(model, tokenizer, folder);
            output.Text.WriteLine($"Merged '{path}' into the frozen weights: {folder}, in Hugging Face's files");
            return ModelProgram.Done;
        }

        Directory.CreateDirectory(folder);
        tokenizer.Save(folder);
        Adapters.SaveBase(RunFolder.BestPath(folder), model, state);
        output.Text.WriteLine($"Merged '{path}' into the frozen weights: {RunFolder.BestPath(folder)}");
        return ModelProgram.Done;
    }
}
