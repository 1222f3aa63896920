using System.Text.RegularExpressions;
using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Tests.Training;
using ModelCompiler.Runtime.Training;
using Spectre.Console;

namespace ModelCompiler.Runtime.Tests.CommandLine;

public sealed class ModelProgramTests : IDisposable
{
    private readonly TrainingFolder _folder = new();
    private readonly StringWriter _text = new() { NewLine = "\n" };
    private readonly StringWriter _error = new() { NewLine = "\n" };

    private string Output => _folder["out"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Without_a_terminal_a_run_is_plain_lines()
    {
        Assert.Equal(ModelProgram.Done, Run("--data", _folder.Text, "--output", Output, "--temperature", "0"));

        Assert.Equal("", _error.ToString());
        Assert.DoesNotContain('\u001b', _text.ToString());
        Assert.DoesNotContain('\r', _text.ToString());
        var lines = _text.ToString().Split('\n');
        Assert.Contains("Bigram: 0.07 M parameters, fp32, cpu", lines);
        Assert.Contains(lines, line => line.EndsWith("; 200 steps of 4 × 16", StringComparison.Ordinal));
        Assert.Matches(@"(?m)^step   1/200  loss 5\.\d{4}$", _text.ToString());
        Assert.Matches(@"(?m)^step 200/200  loss \d\.\d{4} +[\d,]+ tokens/s  0:00 left$", _text.ToString());
        Assert.Equal(4, lines.Count(line => Regex.IsMatch(line, @"^step \d+: validation \d\.\d{3} bits per byte, perplexity [\d.]+ per token$")));
        Assert.Contains($"checkpoint:  {RunFolder.BestPath(Output)}", lines);
        Assert.True(File.Exists(RunFolder.BestPath(Output)));

        // Both are tables of a byte after a byte: the model comes near the counts, or a little below their smoothing.
        var (model, baseline) = (BitsPerByte("validation:  "), BitsPerByte("byte bigram: "));
        Assert.InRange(model, baseline - 0.3, baseline + 0.3);
    }

    [Fact]
    public void On_a_terminal_a_run_has_a_progress_bar()
    {
        var screen = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(TextWriter.Synchronized(screen)), // as a terminal's writer is: the bar has a thread of its own
        });
        console.Profile.Width = 120;

        var code = Run(console, default, "--data", _folder.Text, "--output", Output);
        Assert.True(code == ModelProgram.Done, _error.ToString());
        Assert.Contains("━", screen.ToString());
        Assert.Matches(@"step 200/200  loss \d\.\d{4} +[\d,]+ tokens/s  0:00 left", screen.ToString());
        Assert.Contains("step 200: validation", screen.ToString());
        Assert.DoesNotContain("tokens/s", _text.ToString());
        Assert.Contains("checkpoint:", _text.ToString());
    }

    [Fact]
    public void Adapters_are_trained_on_a_checkpoint_and_merged_into_it()
    {
        string[] run = ["--data", _folder.Text, "--steps", "3", "--tokens", "4", "--output"];
        Assert.Equal(ModelProgram.Done, Program<AdaptedBase>([.. run, _folder["base"]]));
        Assert.Equal(ModelProgram.Failed, Program<Adapted>([.. run, Output]));
        Assert.Contains("Name their checkpoint with --base", _error.ToString());

        Assert.Equal(ModelProgram.Done, Program<Adapted>([.. run, Output, "--base", RunFolder.BestPath(_folder["base"])]));
        // The run remembers its base.
        Assert.Equal(ModelProgram.Done, Program<Adapted>("generate", "ab", "--output", Output, "--tokens", "4"));
        Assert.Equal(ModelProgram.Done, Program<Adapted>("merge", _folder["merged"], "--output", Output));
        Assert.Equal(ModelProgram.Done, Program<AdaptedBase>("generate", "ab", "--output", _folder["merged"], "--tokens", "4"));

        // Another checkpoint than the one that they were trained on.
        Assert.Equal(ModelProgram.Done, Program<AdaptedBase>([.. run, _folder["other"], "--seed", "5"]));
        Assert.Equal(ModelProgram.Failed, Program<Adapted>("generate", "ab", "--output", Output, "--base", RunFolder.BestPath(_folder["other"])));
        Assert.Contains("is not the checkpoint that the adapters were trained on", _error.ToString());
    }

    /// <summary>What is merged is the checkpoint that is loaded, also where the newest is damaged.</summary>
    [Fact]
    public void Adapters_are_merged_from_the_checkpoint_that_can_be_used()
    {
        string[] run = ["--data", _folder.Text, "--steps", "3", "--tokens", "4", "--output"];
        Assert.Equal(ModelProgram.Done, Program<AdaptedBase>([.. run, _folder["base"]]));
        Assert.Equal(ModelProgram.Done, Program<Adapted>([.. run, Output, "--base", RunFolder.BestPath(_folder["base"])]));
        File.Delete(RunFolder.BestPath(Output));
        File.WriteAllText(RunFolder.LastPath(Output)!, "damaged");
        Assert.True(Program<Adapted>("merge", _folder["merged"], "--output", Output) == ModelProgram.Done, _error.ToString());
        Assert.Contains($"Merged '{RunFolder.CheckpointPath(Output, 0)}'", _text.ToString());
    }

    /// <summary>What pruning has left of a model is a model's checkpoint, and the weights under adapters.</summary>
    [Fact]
    public void A_pruned_model_is_made_smaller_and_adapted()
    {
        string[] run = ["--data", _folder.Text, "--tokens", "4", "--output"];
        Assert.Equal(ModelProgram.Done, Program<PrunedParts>([.. run, _folder["early"], "--steps", "4"]));
        Assert.Equal(ModelProgram.Failed, Program<PrunedParts>("shrink", _folder["small"], "--output", _folder["early"]));
        Assert.Contains("is not pruned to its end", _error.ToString());
        Assert.False(Directory.Exists(_folder["small"]));

        Assert.Equal(ModelProgram.Done, Program<PrunedParts>([.. run, Output]));
        Assert.Equal(ModelProgram.Done, Program<PrunedParts>("shrink", _folder["small"], "--output", Output));
        Assert.Contains($"PrunedPartsPruned, 0.01 M of 0.04 M parameters: {RunFolder.BestPath(_folder["small"])}\n", _text.ToString());
        Assert.Equal(ModelProgram.Done, Program<PrunedPartsPruned>("generate", "ab", "--output", _folder["small"], "--tokens", "4"));
        var pruned = Loss<PrunedParts>(Output);
        Assert.Equal(pruned, Loss<PrunedPartsPruned>(_folder["small"]), 1e-3);

        // Adapters that have not learned anything yet are the smaller model.
        string[] adapt = ["--base", RunFolder.BestPath(_folder["small"])];
        Assert.True(Program<PrunedPartsAdapted>([.. run, _folder["adapted"], .. adapt]) == ModelProgram.Done, _error.ToString());
        using var model = PrunedPartsAdapted.Create(TorchSharp.torch.CPU, seed: 1);
        Adapters.LoadBase(model, RunFolder.BestPath(_folder["small"]));
        using var smaller = PrunedPartsPruned.Create(TorchSharp.torch.CPU, seed: 2);
        ModelCheckpoint.Load(RunFolder.BestPath(_folder["small"]), smaller);
        using var one = model.CreateInference();
        using var other = smaller.CreateInference();
        int[] tokens = [.. "The quick brown fox".Select(c => (int)c)];
        Assert.All(one.Forward(tokens).ToArray().Zip(other.Forward(tokens).ToArray()), pair => Assert.Equal(pair.Second, pair.First, 1e-4f));
        Assert.Equal(ModelProgram.Done, Program<PrunedPartsAdapted>("merge", _folder["merged"], "--output", _folder["adapted"]));
        Assert.Equal(ModelProgram.Done, Program<PrunedPartsPruned>("generate", "ab", "--output", _folder["merged"], "--tokens", "4"));

        double Loss<TModel>(string folder)
            where TModel : ICompiledModel<TModel>
        {
            _text.GetStringBuilder().Clear();
            Assert.True(Program<TModel>("evaluate", "--data", _folder.Text, "--output", folder) == ModelProgram.Done, _error.ToString());
            return double.Parse(Regex.Match(_text.ToString(), @"(\d+\.\d+) bits per byte").Groups[1].Value);
        }
    }

    [Fact]
    public void Ctrl_c_writes_a_checkpoint_from_which_the_run_ends_as_if_it_had_not_been()
    {
        string[] args = ["--data", _folder.Text, "--steps", "60", "--seed", "7", "--tokens", "1"];
        Assert.Equal(ModelProgram.Done, Run([.. args, "--output", _folder["whole"]], new ProgramOutput(_text, _error, null), default));

        using (var interrupt = new CancellationTokenSource())
        {
            var output = new CancelAt(interrupt, "step 50: validation");
            Assert.Equal(ModelProgram.Interrupted, Run([.. args, "--output", Output], new ProgramOutput(output, _error, null), interrupt.Token));
            Assert.Contains($"Interrupted after step 50. Checkpoint: {RunFolder.LastPath(Output)!}; continue it with --resume.", output.ToString());
        }

        // Text, steps and seed, which dropout follows, are those of the run.
        Assert.Equal(50, ModelCheckpoint.ReadState(RunFolder.LastPath(Output)!).Step);
        Assert.Equal(ModelProgram.Done, Run(["--resume", "--output", Output], new ProgramOutput(_text, _error, null), default));
        Assert.Equal(File.ReadAllBytes(RunFolder.LastPath(_folder["whole"])!), File.ReadAllBytes(RunFolder.LastPath(Output)!));
        Assert.Equal("", _error.ToString());

        static int Run(string[] args, ProgramOutput output, CancellationToken interrupt) =>
            ModelProgram.Run<DropoutPlain>(args, output, interrupt);
    }

    [Fact]
    public void Ctrl_c_before_the_first_step_ends_the_program_too()
    {
        using var interrupt = new CancellationTokenSource();
        interrupt.Cancel();
        Assert.Equal(ModelProgram.Interrupted, Run(null, interrupt.Token, "--data", _folder.Text, "--output", Output));
        Assert.Equal("", _error.ToString());
    }

    [Fact]
    public void A_trained_model_continues_a_prompt()
    {
        Run("--data", _folder.Text, "--output", Output);
        Assert.Equal("The", Generated("--tokens", "3")[..3]);
        Assert.Equal(Generated("--temperature", "1"), Generated("--temperature", "1"));
        Assert.NotEqual(Generated("--temperature", "1"), Generated("--temperature", "1", "--seed", "5"));

        string Generated(params string[] options)
        {
            _text.GetStringBuilder().Clear();
            Assert.Equal(ModelProgram.Done, Run(["generate", "The", "--output", Output, .. options]));
            return _text.ToString();
        }
    }

    [Fact]
    public void A_trained_model_is_measured_in_both_engines_and_talked_to()
    {
        string[] place = ["--output", Output];
        int Program(params string[] args) => ModelProgram.Run<Gpt2>([.. args, .. place], new ProgramOutput(_text, _error, null) { Input = new StringReader("Hello\n\n/new\nAgain\n/quit\nnever\n") }, default);
        Assert.Equal(ModelProgram.Done, Program("train", "--data", _folder.Text, "--steps", "20", "--tokens", "4"));
        Assert.Equal(ModelProgram.Done, Program("export"));
        _text.GetStringBuilder().Clear();

        Assert.Equal(ModelProgram.Done, Program("evaluate", "--windows", "5"));
        Assert.Equal(ModelProgram.Done, Program("evaluate", "--windows", "5", "--engine", "onnx", "--prepack", "--data", _folder.Text));
        var found = Regex.Matches(_text.ToString(), @"(?m)^Gpt2 \((torch|onnx)\): (.*) over 5 windows of 24 tokens$");
        Assert.Equal(["torch", "onnx"], found.Select(match => match.Groups[1].Value));
        Assert.Equal(found[0].Groups[2].Value, found[1].Groups[2].Value);

        foreach (var engine in new[] { "torch", "onnx" })
        {
            _text.GetStringBuilder().Clear();
            Assert.Equal(ModelProgram.Done, Program("bench", "--engine", engine, "--rounds", "2", "--tokens", "4", "--batch", "2"));
            Assert.Matches(@"(?m)^generation: +[\d,.]+ tokens/s \(2 × 4 tokens\)$", _text.ToString());
        }

        _text.GetStringBuilder().Clear();
        Assert.Equal(ModelProgram.Done, Program("chat", "--tokens", "4", "--temperature", "0"));
        Assert.Equal(6, _text.ToString().Split("> ").Length); // five lines are asked for, the last is /quit
        Assert.DoesNotContain("never", _text.ToString(), StringComparison.Ordinal);
        Assert.Equal("", _error.ToString());

        Assert.Equal(ModelProgram.Failed, Program("bench", "--prompt-tokens", "20", "--tokens", "20"));
        Assert.Contains("context of 24", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Declared_weights_of_few_bits_are_packed_on_request()
    {
        int Program<TModel>(params string[] args)
            where TModel : ICompiledModel<TModel> => ModelProgram.Run<TModel>(args, new ProgramOutput(_text, _error, null), default);
        Assert.Equal(ModelProgram.Done, Program<PackedInt8>("train", "--data", _folder.Text, "--steps", "20", "--tokens", "4", "--output", Output));
        Assert.Equal(ModelProgram.Done, Program<PackedInt8>("generate", "The", "--packed", "--tokens", "8", "--output", Output));
        Assert.StartsWith("Weights stay as they are in blocks.0.mlp.down, blocks.1.mlp.down, blocks.2.mlp.down, blocks.3.mlp.down: libtorch's product with int8 weights reads 16 columns", _error.ToString(), StringComparison.Ordinal);
        _text.GetStringBuilder().Clear();
        Assert.Equal(ModelProgram.Done, Program<PackedInt8>("evaluate", "--windows", "5", "--output", Output));
        Assert.Equal(ModelProgram.Done, Program<PackedInt8>("evaluate", "--windows", "5", "--packed", "--output", Output));
        var losses = Regex.Matches(_text.ToString(), @"(?m)^PackedInt8 \(torch\): ([\d.]+) bits").Select(match => double.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(2, losses.Length);
        Assert.InRange(losses[1] / losses[0], 0.99, 1.01);
        Assert.NotEqual(ModelProgram.Done, Program<Gpt2>("generate", "The", "--packed", "--output", Output)); // declares none
        _error.GetStringBuilder().Clear();
        Assert.Equal(ModelProgram.Done, Program<PrunedTwoOfFour>("train", "--data", _folder.Text, "--tokens", "4", "--output", Output + "24"));
        Assert.Equal(ModelProgram.Done, Program<PrunedTwoOfFour>("generate", "The", "--packed", "--tokens", "8", "--output", Output + "24"));
        Assert.Contains("Weights stay as they are in blocks.0.attention.qkv, blocks.0.attention.proj, blocks.1.attention.qkv, blocks.1.attention.proj: sparse tensor cores", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_declared_draft_model_proposes_tokens_and_changes_none()
    {
        int Program<TModel>(params string[] args)
            where TModel : ICompiledModel<TModel> => ModelProgram.Run<TModel>(args, new ProgramOutput(_text, _error, null), default);

        string Generated(params string[] options)
        {
            _text.GetStringBuilder().Clear();
            Assert.Equal(ModelProgram.Done, Program<Drafted>(["generate", "The", "--output", _folder["Drafted"], "--temperature", "0", "--tokens", "50", .. options]));
            return _text.ToString();
        }

        Assert.Equal(ModelProgram.Done, Program<Drafted>("--data", _folder.Text, "--steps", "20", "--tokens", "4", "--output", _folder["Drafted"]));
        Assert.Equal(ModelProgram.Failed, Program<Drafted>("generate", "The", "--output", _folder["Drafted"]));
        Assert.Contains("There is no trained model in", _error.ToString(), StringComparison.Ordinal);
        Assert.Equal(ModelProgram.Done, Program<Gpt2>("--data", _folder.Text, "--steps", "20", "--tokens", "4", "--output", _folder["Gpt2"]));
        var (alone, helped) = (Generated("--draft", "none"), Generated());
        Assert.Matches(@"Gpt2 proposed \d+ tokens, of which \d+ were accepted\n$", helped);
        Assert.StartsWith(alone.TrimEnd('\n') + "\n", helped);

        // The folder beside it is the same where its name ends in a separator.
        _text.GetStringBuilder().Clear();
        Assert.Equal(ModelProgram.Done, Program<Drafted>("generate", "The", "--output", _folder["Drafted"] + Path.DirectorySeparatorChar, "--temperature", "0", "--tokens", "50"));
        Assert.Equal(helped, _text.ToString());
    }

    [Fact]
    public void A_declared_draft_model_takes_part_in_a_conversation()
    {
        int Program<TModel>(params string[] args)
            where TModel : ICompiledModel<TModel> => ModelProgram.Run<TModel>(args, new ProgramOutput(_text, _error, null) { Input = new StringReader("Hello\nAgain\n/quit\n") }, default);

        string Said(params string[] options)
        {
            _text.GetStringBuilder().Clear();
            Assert.Equal(ModelProgram.Done, Program<Drafted>(["chat", "--output", _folder["Drafted"], "--temperature", "0", "--tokens", "20", .. options]));
            return _text.ToString();
        }

        Assert.Equal(ModelProgram.Done, Program<Drafted>("--data", _folder.Text, "--steps", "20", "--tokens", "4", "--output", _folder["Drafted"]));
        Assert.Equal(ModelProgram.Failed, Program<Drafted>("chat", "--output", _folder["Drafted"]));
        Assert.Contains("There is no trained model in", _error.ToString(), StringComparison.Ordinal);
        Assert.Equal(ModelProgram.Done, Program<Gpt2>("--data", _folder.Text, "--steps", "20", "--tokens", "4", "--output", _folder["Gpt2"]));
        Assert.Equal(Said("--draft", "none"), Said());
    }

    [Fact]
    public void Help_names_every_option_and_the_exit_codes()
    {
        Assert.Equal(ModelProgram.Done, Run("--help"));
        foreach (var option in new[]
            { "--steps", "--data", "--device", "--seed", "--output", "--resume", "--tokens", "--temperature", "--top-k", "--top-p", "train", "generate", "chat", "evaluate", "bench", "export", "publish" })
            Assert.Contains(option, _text.ToString());
        Assert.Contains("[default: 200]", _text.ToString());
        Assert.Contains("130 interrupted", Regex.Replace(_text.ToString(), @"\s+", " "));
        Assert.Equal("", _error.ToString());
    }

    [Theory]
    [InlineData("--steps 0", "--steps must be at least 1. See --help.")]
    [InlineData("--steps many", "Cannot parse argument 'many' for option '--steps'")]
    [InlineData("--top-p 1.5", "--top-p must be above 0 and at most 1. See --help.")]
    [InlineData("--device tpu", "'tpu' not recognized")]
    [InlineData("--colour", "'--colour'")]
    [InlineData("--data {missing}", "Give a file or folder of")]
    [InlineData("--resume --output {missing}", "Leave out --resume, or give the run's folder with --output.")]
    [InlineData("generate x --output {missing}", "Train one first, with the command train")]
    [InlineData("generate x --output {missing} --engine onnx", "no exported model")]
    [InlineData("evaluate --windows 0", "--windows must be at least 1. See --help.")]
    [InlineData("bench --min-p 2", "'--min-p'")]
    public void An_error_is_one_line_with_the_remedy(string arguments, string expected)
    {
        Assert.Equal(ModelProgram.Failed, Run(arguments.Replace("{missing}", _folder["missing"]).Split(' ')));
        var line = Assert.Single(_error.ToString().TrimEnd('\n').Split('\n'));
        Assert.StartsWith("error: ", line);
        Assert.Contains(expected, line);
    }

    [Fact]
    public void A_run_is_resumed_only_as_what_it_was()
    {
        Run("--data", _folder.Text, "--output", Output, "--steps", "4");
        AssertFails("It has made 4 of 4 steps. Give more with --steps.", "--resume", "--output", Output);
        AssertFails("has seed 1; leave out --seed", "--resume", "--output", Output, "--steps", "8", "--seed", "2");
        Directory.Delete(Path.Combine(_folder.Text), recursive: true);
        Directory.CreateDirectory(_folder.Text);
        File.WriteAllText(Path.Combine(_folder.Text, "other.txt"), string.Concat(Enumerable.Repeat("Another text altogether.\n", 100)));
        AssertFails("was made on another text", "--resume", "--output", Output, "--steps", "8");
    }

    [Fact]
    public void A_damaged_checkpoint_is_an_error_line()
    {
        Run("--data", _folder.Text, "--output", Output, "--steps", "4");
        var bytes = File.ReadAllBytes(RunFolder.BestPath(Output));
        bytes[^1] ^= 1;
        File.WriteAllBytes(RunFolder.BestPath(Output), bytes);
        AssertFails("was damaged", "generate", "x", "--output", Output);
    }

    private void AssertFails(string message, params string[] args)
    {
        _error.GetStringBuilder().Clear();
        Assert.Equal(ModelProgram.Failed, Run(args));
        Assert.Contains(message, Assert.Single(_error.ToString().TrimEnd('\n').Split('\n')), StringComparison.OrdinalIgnoreCase);
    }

    private double BitsPerByte(string label) =>
        double.Parse(Regex.Match(_text.ToString(), label + @"([\d.]+) bits per byte").Groups[1].Value);

    private int Program<TModel>(params string[] args)
        where TModel : ICompiledModel<TModel> =>
        ModelProgram.Run<TModel>(args, new ProgramOutput(_text, _error, null), default);

    private int Run(params string[] args) => Run(null, default, args);

    private int Run(IAnsiConsole? terminal, CancellationToken interrupt, params string[] args) =>
        ModelProgram.Run<BigramModel>(args, new ProgramOutput(_text, _error, terminal), interrupt);

    /// <summary>Presses Ctrl-C when a line is written.</summary>
    private sealed class CancelAt(CancellationTokenSource interrupt, string line) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value!.StartsWith(line, StringComparison.Ordinal))
                interrupt.Cancel();
        }
    }
}
