using ModelCompiler.Runtime.Training;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>Merges trained adapters into the frozen weights, for the model without adapters.</summary>
internal sealed class MergeCommand(ICompiledModel model, RunOptions options, ProgramOutput output)
{
    public int Run(string folder)
    {
        var (_, tokenizer) = TrainedModel.Load(model, options.Output, output.Error.WriteLine, options.Base);
        var path = RunFolder.LowestPath(options.Output) ?? RunFolder.LastPath(options.Output)!;
        Adapters.Merge(model);
        Directory.CreateDirectory(folder);
        tokenizer.Save(folder);
        Adapters.SaveBase(RunFolder.BestPath(folder), model, ModelCheckpoint.ReadState(path));
        output.Text.WriteLine($"Merged '{path}' into the frozen weights: {RunFolder.BestPath(folder)}");
        return ModelProgram.Done;
    }
}
