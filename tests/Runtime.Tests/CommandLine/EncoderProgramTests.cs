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
    public void An_encoder_is_exported_and_measured_in_both_engines()
    {
        var text = _folder.Write("text.txt", string.Join('\n', Enumerable.Range(0, 300).Select(i => $"the cat {i} sleeps on the mat.")));
        Check<Bert>(text, "masked-loss", "masked-accuracy");
        Check<Albert>(text, "masked-loss", "masked-accuracy", "order-loss", "order-accuracy");
        var lines = Enumerable.Range(0, 200).Select(i => $$"""{"text": "{{new string('x', i % 9)}} of {{i}}", "label": "{{i % 3}}"}""");
        Check<Classifier>(_folder.Write("labels.jsonl", string.Join('\n', lines)), "class-loss", "class-accuracy");
        Assert.Equal("", _error.ToString());

        void Check<TModel>(string data, params string[] measures)
            where TModel : ICompiledModel<TModel>
        {
            int Program(params string[] args) => Run<TModel>([.. args, "--output", _folder[typeof(TModel).Name]]);
            var found = string.Join(", ", measures.Select(measure => $@"{measure} ([\d.]+)"));
            Assert.Equal(ModelProgram.Done, Program("--data", data, "--steps", "5"));
            Assert.True(Program("export") == ModelProgram.Done, _error.ToString());
            Assert.Equal(ModelProgram.Done, Program("evaluate"));
            Assert.Equal(ModelProgram.Done, Program("evaluate", "--engine", "onnx", "--data", data));
            Assert.Equal(ModelProgram.Done, Program("bench", "--rounds", "2", "--tokens", "8"));
            Assert.Equal(ModelProgram.Done, Program("bench", "--rounds", "2", "--engine", "onnx"));
            var output = _text.ToString();
            _text.GetStringBuilder().Clear();
            Assert.DoesNotContain("NaN", output, StringComparison.Ordinal);
            Assert.Matches($"(?m)^verified on held-out text: {found} where the model has {found} ", output);
            Assert.Equal(2, Regex.Count(output, @"(?m)^reading: +[\d,.]+ tokens/s \((8|24) tokens\)$"));

            // Both measure what training did, on the same batches.
            var name = typeof(TModel).Name;
            double[][] all = [Values("validation: "), Values($@"{name} \(torch\):"), Values($@"{name} \(onnx\):")];
            Assert.All(all, values => Assert.Equal(measures.Length, values.Length));
            for (var i = 0; i < measures.Length; i++) Assert.All(all, values => Assert.Equal(all[0][i], values[i], 0.0021));

            double[] Values(string label) =>
                [.. Regex.Match(output, $"(?m)^{label} {found}").Groups.Values.Skip(1).Select(group => double.Parse(group.ValueSpan, CultureInfo.InvariantCulture))];
        }
    }

    [Fact]
    public void Few_bits_of_an_encoder_are_advised_against()
    {
        var text = _folder.Write("text.txt", string.Join('\n', Enumerable.Range(0, 300).Select(i => $"the cat {i} sleeps on the mat.")));
        Assert.Equal(ModelProgram.Done, Run<Bert>("--data", text, "--steps", "5", "--output", _folder["out"]));
        Assert.Equal(ModelProgram.Done, Run<Bert>("export", "--quantization", "int4", "--group", "16", "--output", _folder["out"]));
        Assert.Contains("advice: an encoder multiplies all tokens of a text at once, and int4 is fast for few", _text.ToString(), StringComparison.Ordinal);
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
