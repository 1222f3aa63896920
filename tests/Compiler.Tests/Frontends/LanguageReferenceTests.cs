using System.Text.RegularExpressions;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Tests.Specs;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Tests.Frontends;

public class LanguageReferenceTests
{
    private const string Page = "docs/language.md";
    private const string Marker = "<!-- What follows is generated from the declarations in src/ModelDsl/Specs. -->\n\n";

    private static string Text => File.ReadAllText(Path.Combine(SpecFiles.RepositoryRoot, Page));

    [Fact]
    public void The_tables_are_fresh() =>
        GeneratedText.AssertFresh(Page, Text[..(Text.IndexOf(Marker, StringComparison.Ordinal) + Marker.Length)] + LanguageReference.Generate());

    [Fact]
    public void The_family_of_the_introduction_is_its_blocks()
    {
        var models = Regex.Matches(Text, "```yaml\n(.*?)```", RegexOptions.Singleline)
            .Select(match => Reading.ReadGood(match.Groups[1].Value))
            .ToArray();
        var (family, blocks) = (models[0], models[1]);

        Assert.Equal(2, models.Length);
        Assert.Equal(Decoder.Layers(family.Architecture), blocks.Architecture.Blocks);
        Assert.Equal(family with { Architecture = blocks.Architecture }, blocks);
    }
}
