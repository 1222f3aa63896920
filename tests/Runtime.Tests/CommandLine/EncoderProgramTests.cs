using System.Globalization;
using System.Text.RegularExpressions;
using ModelCompiler.Runtime.CommandLine;

namespace ModelCompiler.Runtime.Tests.CommandLine;

/// <summary>Encoders as users run them: trained, and asked about a text.</summary>
public sealed class EncoderProgramTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StringWriter _text = new() { NewLine = "\n" };
    private readonly StringWriter _error = new() { NewLine = "\n" };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_masked_model_learns_a_text_and_fills_gaps()
    {
        string[] sentences = ["the cat sleeps on the mat.", "a dog barks at the moon.", "birds sing in the old tree.", "rain falls on green hills."];
        var random = new Random(1);
        var text = string.Join('\n', Enumerable.Range(0, 600).Select(_ => sentences[random.Next(sentences.Length)]));
        Assert.Equal(ModelProgram.Done, Run<MaskedLearner>("--data", _folder.Write("text.txt", text), "--output", _folder["out"]));
        Assert.Equal("", _error.ToString());
        var output = _text.ToString();
        Assert.DoesNotContain("bits per byte", output, StringComparison.Ordinal);
        var (loss, frequencies) = (Number(output, @"(?m)^validation:  masked-loss ([\d.]+), masked-accuracy [\d.]+$"), Number(output, @"(?m)^frequencies: masked-loss ([\d.]+)$"));
        Assert.InRange(frequencies, 2, 3.3);
        Assert.True(loss < 0.5 * frequencies, $"{loss} after training, {frequencies} by frequencies alone");
        Assert.Contains("[MASK]:\n", output, StringComparison.Ordinal);
        Assert.Contains("masked-accuracy", File.ReadLines(Path.Combine(_folder["out"], "metrics.csv")).First(), StringComparison.Ordinal);

        _text.GetStringBuilder().Clear();
        Assert.Equal(ModelProgram.Done, Run<MaskedLearner>("read", "the cat sle[MASK]ps on the mat.", "--output", _folder["out"]));
        Assert.Matches(@"^the cat sle\[MASK\]ps on the mat\.\n\[MASK\]:\n  0\.\d{3}  'e'\n", _text.ToString());
        Assert.Equal(ModelProgram.Failed, Run<MaskedLearner>("read", "nothing hidden", "--output", _folder["out"]));
        Assert.Contains("has no [MASK]", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_classifier_learns_classes_and_names_them()
    {
        string[] animals = ["cat", "dog", "fox"];
        var random = new Random(1);
        var lines = Enumerable.Range(0, 400).Select(_ => animals[random.Next(3)])
            .Select(animal => $$"""{"text": "{{new string('x', random.Next(8))}} {{animal}} {{new string('y', random.Next(8))}}", "label": "{{animal}}s"}""");
        Assert.Equal(ModelProgram.Done, Run<Classifier>("--data", _folder.Write("animals.jsonl", string.Join('\n', lines)), "--steps", "300", "--output", _folder["out"]));
        Assert.Equal("", _error.ToString());
        var accuracy = Number(_text.ToString(), @"(?m)^validation:  class-loss [\d.]+, class-accuracy ([\d.]+)$");
        Assert.True(accuracy > 0.9, $"accuracy {accuracy}");
        Assert.InRange(Number(_text.ToString(), @"(?m)^most frequent class: class-accuracy ([\d.]+)$"), 0.15, 0.6);

        _text.GetStringBuilder().Clear();
        Assert.Equal(ModelProgram.Done, Run<Classifier>("read", "xx fox yyy", "--output", _folder["out"]));
        Assert.Matches(@"^xx fox yyy\n  0\.\d{3}  foxs\n", _text.ToString());
    }

    [Fact]
    public void The_options_are_those_that_an_encoder_has()
    {
        Assert.Equal(ModelProgram.Done, Run<Classifier>("--help"));
        Assert.Contains("Classifies a text", _text.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("--temperature", _text.ToString(), StringComparison.Ordinal);
    }

    private static double Number(string text, string pattern)
    {
        var match = Regex.Match(text, pattern);
        Assert.True(match.Success, text);
        return double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
    }

    private int Run<TModel>(params string[] args)
        where TModel : ICompiledModel<TModel> => ModelProgram.Run<TModel>(args, new ProgramOutput(_text, _error, null), default);
}
