using System.Collections;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests;

/// <summary>What the steps hold between edits: a Roslyn object there would keep whole compilations alive.</summary>
public sealed class CachedObjectsTests
{
    private static readonly Type[] Forbidden =
        [typeof(ISymbol), typeof(SyntaxNode), typeof(SyntaxTree), typeof(Compilation), typeof(SemanticModel), typeof(Location), typeof(SourceText), typeof(AttributeData)];

    [Fact]
    public void No_step_of_ours_holds_a_Roslyn_object()
    {
        var steps = Project().Result.Results.Single().TrackedSteps;
        var ours = typeof(TrackingNames).GetFields().Select(field => (string)field.GetValue(null)!).ToArray();

        Assert.Empty(ours.Except(steps.Keys));
        foreach (var name in ours)
        {
            var outputs = steps[name].SelectMany(step => step.Outputs).ToArray();
            Assert.NotEmpty(outputs);
            foreach (var (value, _) in outputs) Walk(value, name, []);
        }
    }

    [Fact]
    public void The_walk_finds_what_is_hidden_in_fields_and_lists()
    {
        var hidden = new Holder([new object(), Location.None]);

        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Walk(hidden, "hidden", []));
    }

    private static GeneratorRun Project() => new GeneratorRun()
        .SetYaml("gpt.model.yaml", SampleModels.Gpt2Like)
        .SetYaml("custom.model.yaml", SampleModels.CustomBlocks)
        .SetYaml("wrong.model.yaml", "model: Wrong\narchitecture: { famly: decoder }\n")
        .SetCSharp("Models.cs", AttributedModels.LlamaLike)
        .Run();

    private static void Walk(object? value, string path, HashSet<object> seen)
    {
        if (value is null) return;
        var type = value.GetType();
        Assert.False(Forbidden.Any(forbidden => forbidden.IsInstanceOfType(value)), $"{path} holds a {type}");
        if (type.IsPrimitive || type.IsEnum || value is string or Type || (!type.IsValueType && !seen.Add(value))) return;

        if (value is IEnumerable items)
        {
            var index = 0;
            foreach (var item in items) Walk(item, $"{path}[{index++}]", seen);
        }

        for (var declaring = type; declaring is not null && declaring != typeof(object); declaring = declaring.BaseType)
        {
            foreach (var field in declaring.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                Walk(field.GetValue(value), $"{path}.{field.Name}", seen);
            }
        }
    }

    private sealed record Holder(object[] Items);
}
