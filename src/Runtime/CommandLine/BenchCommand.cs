using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using ModelCompiler.Runtime.Inference;
using ModelCompiler.Runtime.Onnx;
using Spectre.Console;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>How fast a trained model runs here, in either engine: medians over rounds.</summary>
internal static class BenchCommand
{
    public static Command Create(ProgramContext program, SharedOptions options)
    {
        var context = program.Model.Context;
        var prompt = Count("--prompt-tokens", $"Tokens of the prompt, of any content.", Math.Max(1, context / 2));
        var tokens = Count("--tokens", "Tokens to generate in a round.", Math.Max(1, Math.Min(64, context / 4)));
        var batch = Count("--batch", "Sequences at a time.", 1);
        var rounds = Count("--rounds", "Rounds, after one that is not counted.", 5);
        return new Command("bench", "Measures the trained model in the output folder: loading, prompts and generation, memory.").With(
            [.. options.Running, prompt, tokens, batch, rounds],
            result =>
            {
                var start = Stopwatch.GetTimestamp();
                using var loaded = LoadedModel.Open(program, result, options);
                var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                var (length, steps, sequences) = (result.GetValue(prompt), result.GetValue(tokens), result.GetValue(batch));
                if (program.Model.SegmentMemory == 0 && length + steps > context)
                    return program.Output.Fail($"--prompt-tokens and --tokens together exceed the context of {context}.");
                if (loaded.Model is OnnxModel exported && HardwareAdvice.OfBatch(exported.Quantization, sequences) is { } advice) program.Output.Text.WriteLine(advice);
                using var inference = loaded.Model.CreateInference(sequences);
                var speed = InferenceSpeed.Measure(inference, length, steps, result.GetValue(rounds), program.Output, program.Interrupt);
                Write(program.Output,
                [
                    ("model", $"{program.Model.Name}, {result.GetValue(options.Engine)}, {result.GetValue(options.Device)}"),
                    ("load", Text($"{seconds:F2} s")),
                    ("prompt", Text($"{speed.PromptTokensPerSecond:N0} tokens/s ({length} tokens)")),
                    ("generation", Text($"{speed.TokensPerSecond:N1} tokens/s ({sequences} × {steps} tokens)")),
                    ("a step", Text($"{speed.MillisecondsPerStep:F2} ms, {speed.BytesPerStep} managed bytes")),
                    Memory(),
                ]);
                return ModelProgram.Done;
            });
    }

    /// <summary>The most that the process has held so far.</summary>
    public static (string Name, string Value) Memory() => ("memory", Text($"{Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0:N0} MiB at most, of the whole process"));

    /// <summary>Writes what was measured, as a table on a terminal.</summary>
    public static void Write(ProgramOutput output, (string Name, string Value)[] rows)
    {
        if (output.Terminal is { } terminal)
        {
            var table = new Table().HideHeaders().AddColumns("", "");
            foreach (var (name, value) in rows) table.AddRow(name.EscapeMarkup(), value.EscapeMarkup());
            terminal.Write(table);
            return;
        }

        foreach (var (name, value) in rows) output.Text.WriteLine($"{name + ":",-12} {value}");
    }

    /// <summary>An option that is a number of something.</summary>
    public static Option<int> Count(string name, string description, int value)
    {
        var option = new Option<int>(name) { HelpName = "n", Description = description, DefaultValueFactory = _ => value };
        option.Require(count => count > 0, "at least 1");
        return option;
    }

    public static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
