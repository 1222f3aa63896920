using System.CommandLine;
using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Writes the smaller model that pruning has left, for its own program and as the weights under adapters.</summary>
internal static class ShrinkCommand
{
    public static Command Create(ProgramContext program, SharedOptions options)
    {
        var folder = new Argument<string>("folder") { Description = $"Where to write a checkpoint of {program.Model.Artifact.Name}." };
        return new Command("shrink", "Writes the smaller model that pruning has left of the one in the output folder, as a checkpoint.") { folder }.With(
            [options.Output],
            result =>
            {
                using var model = program.Create("cpu");
                return Run(model, result.GetValue(options.Output)!, result.GetValue(folder)!, program.Output);
            });
    }

    private static int Run(ICompiledModel model, string run, string folder, ProgramOutput output)
    {
        var tokenizer = TrainedModel.Load(model, run, output.Error.WriteLine).Tokenizer;
        using var smaller = model.RemovePruned()!;
        var state = ModelCheckpoint.ReadState(TrainedModel.Checkpoint(run, model.Description, _ => { }));
        Directory.CreateDirectory(folder);
        tokenizer.Save(folder);
        ModelCheckpoint.Save(RunFolder.BestPath(folder), smaller, state with { SpecHash = smaller.Description.SpecHash });
        output.Text.WriteLine($"{smaller.Description.Name}, {smaller.Description.ParameterCount / 1e6:F2} M of {model.Description.ParameterCount / 1e6:F2} M parameters: {RunFolder.BestPath(folder)}");
        return ModelProgram.Done;
    }
}
