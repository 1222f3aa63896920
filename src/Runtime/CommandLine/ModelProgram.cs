using System.CommandLine;
using ModelCompiler.ModelDsl;
using ModelCompiler.Runtime.HuggingFace;
using ModelCompiler.Runtime.Training;
using TorchSharp;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>The program around a compiled model: it trains, reports and generates text, as its command line says.</summary>
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
        where TModel : ICompiledModel<TModel>
    {
        try
        {
            var command = new RunCommand(TModel.Definition, options => Run<TModel>(options, output, interrupt), (run, folder, quantization, opsetOnly) =>
            {
                using var model = TModel.Create(torch.CPU, TModel.Definition.Training.Seed);
                return new ExportCommand(model, output).Run(run, folder, quantization, opsetOnly, interrupt);
            });
            var parsed = command.Parse(args);
            return parsed.Errors is [var error, ..]
                ? output.Fail($"{error.Message} See --help.")
                : parsed.Invoke(new InvocationConfiguration
                {
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = null,
                    Output = output.Text,
                    Error = output.Error,
                });
        }
        catch (OperationCanceledException) when (interrupt.IsCancellationRequested)
        {
            output.Text.WriteLine("Interrupted.");
            return Interrupted;
        }
        catch (Exception e)
        {
            return output.Fail(e.Message);
        }
    }

    private static int Run<TModel>(RunOptions options, ProgramOutput output, CancellationToken interrupt)
        where TModel : ICompiledModel<TModel>
    {
        if (options.Device == "cuda" && !torch.cuda.is_available())
        {
            return output.Fail(
                "There is no CUDA device that libtorch can use. Use --device cpu, or set the MSBuild property ModelCompilerAccelerator to cuda.");
        }

        var previous = options.Resume ? RunFolder.Newest(options.Output, TModel.Definition, output.Text.WriteLine) : null;
        var seed = options.Seed ?? previous?.Seed ?? TModel.Definition.Training.Seed;
        using var model = TModel.Create(torch.device(options.Device), seed);
        if (options.Merge is { } merged) return new MergeCommand(model, options, output).Run(merged);
        if (options.Export is { } folder)
        {
            if (model.Description.Adapt is not null)
                return output.Fail($"{model.Description.Name} is adapters on frozen weights. Merge them with --merge, and export the model that these are from.");
            PretrainedModel.Export(model, TrainedModel.Load(model, options.Output, output.Error.WriteLine).Tokenizer, folder);
            output.Text.WriteLine($"{model.Description.Name}: written to {folder}");
            return Done;
        }

        if (options.Prompt is not { } prompt)
            return new TrainCommand(model, previous, options, output).Run(interrupt);
        return TModel.Definition.Training.Objective.Kind == ObjectiveKind.Causal
            ? new GenerateCommand(model, options, output).Run(prompt, interrupt)
            : new EncodeCommand(model, options, output).Run(prompt);
    }
}
