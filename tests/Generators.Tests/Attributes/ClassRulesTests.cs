using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests.Attributes;

/// <summary>Classes that cannot be models.</summary>
public sealed class ClassRulesTests
{
    private const string Declaration = "[Model, Decoder(Vocabulary = 256, Context = 64, Layers = 2, Width = 64, Heads = 4)]\n";

    [Theory]
    [InlineData("class Lm;", "Models.cs(3,7): error MC1022: Lm is not partial; write 'partial class Lm'")]
    [InlineData("partial record Lm;", "Models.cs(3,16): error MC1022: Lm is a record; write 'partial class Lm'")]
    [InlineData("partial class Lm<T>;", "Models.cs(3,15): error MC1024: Lm is generic; remove its type parameters")]
    [InlineData("static partial class Lm { }", "Models.cs(3,22): error MC1025: Lm is static; a model has instances: remove the modifier")]
    [InlineData("abstract partial class Lm;", "Models.cs(3,24): error MC1025: Lm is abstract; a model has instances: remove the modifier")]
    [InlineData("file partial class Lm;", "Models.cs(3,20): error MC1023: Lm is local to its file, where no generated code can join it; remove 'file'")]
    public void A_class_that_cannot_be_a_model(string declaration, string expected)
    {
        var run = GeneratorRun.OfCSharp("using ModelCompiler;\n" + Declaration + declaration);

        Assert.Equal([expected], run.Diagnostics);
        Assert.Empty(run.HintNames);
    }

    [Fact]
    public void A_nested_class_cannot_be_a_model()
    {
        var run = GeneratorRun.OfCSharp("using ModelCompiler;\npartial class Outer {\n" + Declaration + "partial class Lm; }");

        Assert.Equal(["Models.cs(4,15): error MC1023: Lm is nested in Outer; move it out"], run.Diagnostics);
    }

    [Fact]
    public void Every_fault_is_reported()
    {
        var run = GeneratorRun.OfCSharp("using ModelCompiler;\n" + Declaration + "abstract class Lm<T>;");

        Assert.Equal(["MC1022", "MC1024", "MC1025"], run.Result.Diagnostics.Select(diagnostic => diagnostic.Id).Order());
    }
}
