using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests.Methods;

/// <summary>Methods of the user's part of a model's class that its curriculum calls.</summary>
public sealed class MarkedMethodsTests
{
    private const string Yaml =
        """
        model: TinyLm
        namespace: Demo
        architecture: { family: decoder, vocabulary: 256, context: 32, layers: 2, width: 48, heads: 4 }
        training:
          curriculum: { metric: method, pacing: method }

        """;

    [Fact]
    public void Generated_code_passes_the_marked_methods_on()
    {
        var run = Run(Yaml, "[Difficulty] static double Digits(string text) => text.Length; [Pacing] static double Slowly(double progress) => progress;");

        Assert.Empty(run.Diagnostics);
        Assert.Contains("Difficulty = Digits,", run.Text());
        Assert.Contains("Pacing = Slowly,", run.Text());
    }

    [Fact]
    public void Tasks_come_from_a_marked_method()
    {
        var yaml = Yaml.Replace("  curriculum: { metric: method, pacing: method }", "  meta: { method: maml, by: method }");
        var run = Run(yaml, "[Tasks] static ModelCompiler.Runtime.Data.Tasks.ITaskSource Mine(ModelCompiler.Runtime.Tokenizers.ITextTokenizer tokenizer) => null!;");
        Assert.Empty(run.Diagnostics);
        Assert.Contains("Tasks = Mine,", run.Text());

        Assert.Equal(
            "tiny.model.yaml(5,29): error MC2038: 'by: method' calls a method of the class Demo.TinyLm, and none is marked; add '[Tasks] static ITaskSource Name(ITextTokenizer tokenizer)' to 'partial class TinyLm'",
            Assert.Single(Run(yaml, "").Diagnostics));
    }

    [Theory]
    [InlineData("", "tiny.model.yaml(5,25): error MC2038: 'metric: method' calls a method of the class Demo.TinyLm, and none is marked; add '[Difficulty] static double Name(string text)' to 'partial class TinyLm'")]
    [InlineData("[Difficulty] double Digits(string text) => 1;", "Tiny.cs(4,21): error MC2039: Digits cannot be called; write 'static double Digits(string text)'")]
    [InlineData("[Difficulty] static float Digits(string text) => 1;", "Tiny.cs(4,27): error MC2039: Digits cannot be called; write 'static double Digits(string text)'")]
    [InlineData("[Difficulty] static double Digits(byte[] text) => 1;", "Tiny.cs(4,28): error MC2039: Digits cannot be called; write 'static double Digits(string text)'")]
    [InlineData("[Difficulty] static double Digits<T>(string text) => 1;", "Tiny.cs(4,28): error MC2039: Digits cannot be called; write 'static double Digits(string text)'")]
    [InlineData("[Difficulty] static double A(string text) => 1; [Difficulty] static double B(string text) => 1;", "tiny.model.yaml(5,25): error MC2038: 'metric: method' calls one method of the class Demo.TinyLm, but A and B are marked with [Difficulty]; keep one mark")]
    public void A_method_that_cannot_be_called_is_an_error(string members, string expected)
    {
        var run = Run(Yaml, members + " [Pacing] static double Slowly(double progress) => progress;");

        Assert.Equal(expected, Assert.Single(run.Diagnostics));
        Assert.Empty(run.HintNames);
    }

    [Fact]
    public void A_method_that_nothing_calls_is_a_warning()
    {
        var run = Run(Yaml.Replace("metric: method, pacing: method", "metric: length"), "[Pacing] static double Slowly(double progress) => progress;");

        Assert.Equal(
            "Tiny.cs(4,24): warning MC2040: Slowly is marked with [Pacing], but TinyLm does not call it; write 'pacing: method' in its curriculum or remove the mark",
            Assert.Single(run.Diagnostics));
        Assert.Contains("TinyLm.g.cs", run.HintNames);
    }

    [Fact]
    public void So_is_one_in_a_class_that_is_no_model()
    {
        var run = Run(Yaml.Replace("metric: method, pacing: method", "metric: length"), "")
            .SetCSharp("Other.cs", "class Other { [ModelCompiler.Pacing] static double Slowly(double progress) => progress; }")
            .Run();

        Assert.Equal(
            "Other.cs(1,52): warning MC2040: Slowly is marked with [Pacing], but Other is no model; move it to the class of a model or remove the mark",
            Assert.Single(run.Diagnostics));
    }

    private static GeneratorRun Run(string yaml, string members) => new GeneratorRun()
        .SetYaml("tiny.model.yaml", yaml)
        .SetCSharp("Tiny.cs", $$"""
            using ModelCompiler;
            namespace Demo;
            partial class TinyLm {
            {{members}}
            }
            """)
        .Run();
}
