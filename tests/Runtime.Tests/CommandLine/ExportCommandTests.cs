using System.Text.RegularExpressions;
using ModelCompiler.Runtime.CommandLine;
using ModelCompiler.Runtime.Tests.Training;

namespace ModelCompiler.Runtime.Tests.CommandLine;

/// <summary>The command <c>export</c> of trained models.</summary>
public sealed class ExportCommandTests : IDisposable
{
    private readonly TrainingFolder _folder = new();
    private readonly StringWriter _text = new() { NewLine = "\n" };
    private readonly StringWriter _error = new() { NewLine = "\n" };

    public void Dispose() => _folder.Dispose();

    /// <summary>A memory of segments, and tasks whose texts are shorter than the context.</summary>
    [Fact]
    public void Models_of_every_kind_of_training_are_exported()
    {
        var tasks = _folder["tasks.jsonl"];
        File.WriteAllText(tasks, string.Join('\n', Enumerable.Range(0, 60).Select(i => $$"""{"text": "task {{i % 6}} says {{i}}", "task": "{{i % 6}}"}""")));
        Check<TransformerXlPlain>(_folder.Text, @"[\d.]+ bits per byte, perplexity [\d.]+ per token");
        Check<TransformerXlPlain>(_folder.Text, @"[\d.]+ bits per byte, perplexity [\d.]+ per token", "--opset-only");
        Check<MetaFomaml>(tasks, @"loss \d\.\d{4}", "--opset-only");
        Assert.Equal("", _error.ToString());

        void Check<TModel>(string data, string measures, params string[] options)
            where TModel : ICompiledModel<TModel>
        {
            var folder = _folder[typeof(TModel).Name + options.Length];
            int Program(params string[] args) => ModelProgram.Run<TModel>([.. args, "--output", folder], new ProgramOutput(_text, _error, null), default);
            Assert.Equal(ModelProgram.Done, Program("--data", data, "--steps", "5", "--tokens", "4"));
            Assert.DoesNotContain("NaN", _text.ToString(), StringComparison.Ordinal);
            Assert.True(Program(["export", .. options]) == ModelProgram.Done, _error.ToString());
            Assert.True(Regex.IsMatch(_text.ToString(), $@"(?m)^verified on held-out text: {measures} where the model has {measures} \([+-]?0\.0\d %\)"), _text.ToString());
            _text.GetStringBuilder().Clear();
        }
    }

    [Fact]
    public void What_an_export_is_given_is_held_to_the_rules_of_the_declaration()
    {
        int Program(params string[] args) => ModelProgram.Run<PackedInt8>([.. args, "--output", _folder["out"]], new ProgramOutput(_text, _error, null), default);
        Assert.Equal(ModelProgram.Done, Program("train", "--data", _folder.Text, "--steps", "5", "--tokens", "4"));
        Assert.Equal(ModelProgram.Done, Program("export", "--quantization", "int4", "--group", "16"));
        Assert.Contains(": int4, groups of 16, nearest, ", _text.ToString(), StringComparison.Ordinal);
        Assert.Equal(ModelProgram.Failed, Program("export", "--quantization", "int4", "--method", "smooth-quant"));
        Assert.Contains("--method smooth-quant does nothing for int4", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Ctrl_c_ends_an_export_and_leaves_nothing()
    {
        int Program(CancellationToken interrupt, params string[] args) => ModelProgram.Run<Gpt2>([.. args, "--output", _folder["out"]], new ProgramOutput(_text, _error, null), interrupt);
        Assert.Equal(ModelProgram.Done, Program(default, "train", "--data", _folder.Text, "--steps", "5", "--tokens", "4"));
        var before = Directory.EnumerateFileSystemEntries(_folder["out"]).ToArray();
        using var interrupt = new CancellationTokenSource();
        interrupt.Cancel();
        Assert.Equal(ModelProgram.Interrupted, Program(interrupt.Token, "export", "--quantization", "int4", "--method", "gptq"));
        Assert.Equal("", _error.ToString());
        Assert.Equal(before, Directory.EnumerateFileSystemEntries(_folder["out"]));
    }
}
