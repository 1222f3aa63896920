namespace ModelCompiler.Runtime.CommandLine;

/// <summary>The program around a compiled model: it trains, measures, exports, and generates text, as its command line says.</summary>
public static class ModelProgram
{
    public const int Done = 0;
    public const int Failed = 1;

    /// <summary>128 + SIGINT, as shells report it. The checkpoint was written.</summary>
    public const int Interrupted = 130;

    /// <summary>Runs a model's command line; <c>--help</c> describes it.</summary>
    /// <returns>The exit code: 0 done, 1 error (one line on standard error), 130 interrupted.</returns>
    public static int Run<TModel>(string[] args)
        where TModel : ICompiledModel<TModel>
    {
        using var interrupt = new InterruptSignal();
        return Run<TModel>(args, ProgramOutput.ForConsole(), interrupt.Token);
    }

    internal static int Run<TModel>(string[] args, ProgramOutput output, CancellationToken interrupt)
        where TModel : ICompiledModel<TModel> =>
        output.Guard(interrupt, () => ModelCommands.Create(new ProgramContext(TModel.Definition, (device, seed) => TModel.Create(device, seed), output, interrupt)), args);
}
