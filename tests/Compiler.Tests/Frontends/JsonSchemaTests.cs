using System.Text.Json;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.Compiler.Tests.Specs;

namespace ModelCompiler.Compiler.Tests.Frontends;

public class JsonSchemaTests
{
    // What a schema can tell: keys, types, choices and ranges of one value. A duplicate key is none for JSON.
    private static readonly string[] s_ofSchema =
        ["MC1006", "MC1007", "MC1009", "MC1010", "MC1011", "MC1012", "MC1013", "MC1014", "MC1015"];

    public static TheoryData<string> Good => new(SpecFiles.Good);

    public static TheoryData<string> BadForSchema => new(SpecFiles.Bad.Where(IsBadForSchema));

    public static TheoryData<string> BadForOtherReasons => new(SpecFiles.Bad
        .Where(file => !IsBadForSchema(file) && YamlFrontend.ReadNode(SpecFiles.Read(file), file).Root is not null));

    [Fact]
    public void The_schema_is_fresh() => GeneratedText.AssertFresh("schemas/model.schema.json", JsonSchema.Generate());

    [Theory, MemberData(nameof(Good))]
    public void Good_examples_are_valid(string file) => Assert.True(IsValid(file));

    [Theory, MemberData(nameof(BadForSchema))]
    public void Examples_with_bad_keys_and_values_are_invalid(string file) => Assert.False(IsValid(file));

    [Theory, MemberData(nameof(BadForOtherReasons))]
    public void Examples_whose_keys_do_not_fit_together_are_valid(string file) => Assert.True(IsValid(file));

    private static bool IsValid(string file)
    {
        using var schema = JsonDocument.Parse(JsonSchema.Generate());
        return new SchemaCheck(schema.RootElement).IsValid(YamlFrontend.ReadNode(SpecFiles.Read(file), file).Root!);
    }

    private static bool IsBadForSchema(string file) =>
        Reading.Diagnose(SpecFiles.Read(file)) is [var first, ..] && s_ofSchema.Contains(first.Id);
}
