using System.CommandLine;
using ModelCompiler.Runtime.HuggingFace;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>The command that makes a folder of Hugging Face's ready to be compiled.</summary>
public static class ImportProgram
{
    /// <summary>Runs the command line; <c>--help</c> describes it.</summary>
    /// <returns>The exit code: 0 done, 1 error (one line on standard error).</returns>
    public static int Run(string[] args) => Run(args, ProgramOutput.ForConsole());

    internal static int Run(string[] args, ProgramOutput output)
    {
        var folder = new Argument<string>("folder") { Description = "With config.json, model.safetensors (or several files with an index) and tokenizer.json." };
        var target = new Option<string>("--output") { Description = "Where to write.", HelpName = "folder", DefaultValueFactory = _ => "." };
        var name = new Option<string?>("--name") { Description = "Name of the model and its class. [default: made of the folder's]", HelpName = "name" };
        var context = new Option<int?>("--context") { Description = "Longest sequence, if shorter than the model's; for rotary or relative positions.", HelpName = "n" };
        var command = new RootCommand("Imports a model of Hugging Face's: writes its declaration, and its weights and tokenizer where the compiled program looks.")
        {
            folder, target, name, context,
        };
        command.SetAction(result =>
        {
            var import = PretrainedImport.Run(result.GetValue(folder)!, result.GetValue(target)!, result.GetValue(name), result.GetValue(context));
            output.Text.WriteLine($"declaration: {import.SpecPath}");
            output.Text.WriteLine($"weights:     {import.WeightsFolder}");
            output.Text.WriteLine($"Put the declaration into a project and run it where out/ is: ModelProgram.Run<{import.Spec.Model}>(args).");
            return ModelProgram.Done;
        });
        return output.Guard(CancellationToken.None, () => command, args);
    }
}
