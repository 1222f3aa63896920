using System.CommandLine;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>The commands of a model's program; without one it trains.</summary>
internal static class ModelCommands
{
    public static RootCommand Create(ProgramContext program)
    {
        var (model, options) = (program.Model, new SharedOptions(program.Model));
        var root = new RootCommand(
            $"Trains {model.Name}, a compiled language model of {model.ParameterCount / 1e6:F1} M parameters, and {Use(model)}. "
            + "Exit codes: 0 done, 1 error, 130 interrupted with Ctrl-C, after the checkpoint was written.");
        var training = new TrainOptionSet(model, options);
        root.With(training.All, result => TrainCommand.Run(program, training.Read(result)));
        root.Subcommands.Add(new Command("train", "Trains the model: what the program does without a command.").With(training.All, result => TrainCommand.Run(program, training.Read(result))));
        IEnumerable<Command> commands = model.Training.Objective.Kind == ObjectiveKind.Causal
            ? [GenerateCommand.Create(program, options), ChatCommand.Create(program, options), EvaluateCommand.Create(program, options), BenchCommand.Create(program, options)]
            : [ReadCommand.Create(program, options), EncoderEvaluateCommand.Create(program, options), EncoderBenchCommand.Create(program, options)];
        foreach (var command in commands) root.Subcommands.Add(command);
        root.Subcommands.Add(ExportCommand.Create(program, options));
        root.Subcommands.Add(PublishCommand.Create(program, options));
        if (model.Adapt is not null) root.Subcommands.Add(MergeCommand.Create(program, options));
        if (model.Pruned is not null) root.Subcommands.Add(ShrinkCommand.Create(program, options));
        return root;
    }

    private static string Use(ModelDescription model) => model.Training.Objective.Kind switch
    {
        ObjectiveKind.Causal => "generates text with it",
        ObjectiveKind.Classification => "classifies texts with it",
        _ => "fills in words with it",
    };
}
