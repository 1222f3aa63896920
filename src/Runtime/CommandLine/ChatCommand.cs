using System.CommandLine;
using ModelCompiler.Runtime.Chat;
using ModelCompiler.Runtime.Inference;

namespace ModelCompiler.Runtime.CommandLine;

/// <summary>A conversation on the terminal, line by line.</summary>
internal static class ChatCommand
{
    public static Command Create(ProgramContext program, SharedOptions options)
    {
        var draft = DraftModel.Option(program.Model);
        var system = new Option<string?>("--system") { HelpName = "text", Description = "What the model is told before the conversation." };
        return new Command("chat", "Answers line by line with the trained model in the output folder; /new begins again, /quit or the end of input ends.").With(
            [.. options.Running, .. draft is null ? Array.Empty<Option>() : [draft], system, options.Seed, .. options.Generation.All],
            result =>
            {
                using var loaded = LoadedModel.Open(program, result, options);
                using var proposing = draft is null ? null : DraftModel.Open(program, result.GetValue(draft), result.GetValue(options.Output)!, loaded.Tokenizer);
                using var inference = loaded.Model.CreateInference();
                using var proposals = proposing?.CreateInference();
                var generator = new TextGenerator(inference, loaded.Tokenizer, proposals);
                return Run(program, generator, ChatTemplate.Of(loaded.Folder), result.GetValue(system), DraftModel.Limit(program.Model, options.Generation.Read(result)));
            });
    }

    private static int Run(ProgramContext program, TextGenerator generator, ChatTemplate template, string? system, GenerationOptions options)
    {
        var output = program.Output;
        options = options with { Stop = [template.Stop, .. options.Stop] };
        var turns = new List<(string Role, string Text)>();
        Begin();
        while (true)
        {
            output.Text.Write("> ");
            output.Text.Flush();
            switch (output.Input.ReadLine())
            {
                case null or "/quit":
                    output.Text.WriteLine();
                    return ModelProgram.Done;
                case "/new":
                    Begin();
                    break;
                case { Length: > 0 } line:
                    turns.Add(("user", line));
                    try
                    {
                        turns.Add(("assistant", Answer()));
                    }
                    catch (OperationCanceledException)
                    {
                        output.Text.WriteLine();
                        return ModelProgram.Interrupted;
                    }

                    break;
            }
        }

        void Begin()
        {
            turns.Clear();
            if (system is not null) turns.Add(("system", system));
        }

        string Answer()
        {
            var begun = false;
            var answer = generator.Generate(template.Prompt(turns), options, piece =>
            {
                var text = begun ? piece : piece.TrimStart();
                begun |= text.Length > 0;
                output.Text.Write(text);
                output.Text.Flush();
            }, program.Interrupt);
            output.Text.WriteLine();
            return answer.Text.TrimStart();
        }
    }
}
