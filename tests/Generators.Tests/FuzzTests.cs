using System.Text;
using CsCheck;
using Microsoft.CodeAnalysis;
using ModelCompiler.Generators.Tests.Support;

namespace ModelCompiler.Generators.Tests;

/// <summary>Whatever a model file or its attributes hold, the generator answers with code or diagnostics, never with an exception.</summary>
public sealed class FuzzTests
{
    private static readonly int Cases = Environment.GetEnvironmentVariable("MODELCOMPILER_NIGHTLY") == "1" ? 5_000 : 200;

    private static readonly string[] Specs =
        [SampleModels.Gpt2Like, SampleModels.LlamaLike, SampleModels.CustomBlocks, SampleModels.Bf16WithCheckpoint];

    private static readonly string[] Fragments =
    [
        "", "0", "-1", "1e308", "99999999999999999999", "NaN", ".inf", "true", "null", "~", "[]", "{}", "[[[[", "}", ": ", "- ",
        "&a", "*a", "!!binary x", "\"", "'", "|\n", "\t", "\0", "\uFEFF", "\u2028", "#", "---\n", "...\n", "<<: *a", "\U0001F600",
        "class", "@", "1x", "blocks.9", "blocks:", "family: decoder", "layers: 1024", "heads: 3", "compute: bf16", "residual: []",
    ];

    // A line of a good spec: dropped, doubled, moved deeper, cut short, or with something else in its value's place.
    private static readonly Gen<(int Kind, int Line, string Fragment)> Mutation =
        Gen.Select(Gen.Int[0, 4], Gen.Int[0, 40], Gen.OneOf(Fragments));

    [Fact]
    public void Mutated_specs() =>
        Gen.Select(Gen.OneOf(Specs), Mutation.Array[1, 4])
            .Select((spec, mutations) => mutations.Aggregate(spec, Mutate))
            .Sample(AssertAnswersYaml, iter: Cases, threads: 1);

    [Fact]
    public void Mutated_attributes() =>
        Gen.Select(Gen.OneOf(AttributedModels.Gpt2Like, AttributedModels.LlamaLike, AttributedModels.CustomBlocks), Mutation.Array[1, 4])
            .Select((source, mutations) => mutations.Aggregate(source, Mutate))
            .Sample(source => AssertNoException(GeneratorRun.OfCSharp(source)), iter: Cases, threads: 1);

    [Fact]
    public void Random_bytes() =>
        Gen.Byte.Array[0, 200]
            .Select(bytes => Encoding.Latin1.GetString(bytes))
            .Sample(AssertAnswersYaml, iter: Cases, threads: 1);

    private static string Mutate(string spec, (int Kind, int Line, string Fragment) mutation)
    {
        var lines = spec.Split('\n').ToList();
        var at = mutation.Line % lines.Count;
        var line = lines[at];
        switch (mutation.Kind)
        {
            case 0: lines.RemoveAt(at); break;
            case 1: lines.Insert(at, line); break;
            case 2: lines[at] = "  " + line; break;
            case 3: lines[at] = line[..(line.Length / 2)] + mutation.Fragment; break;
            case 4: lines[at] = line[..(line.IndexOf(':') + 1)] + " " + mutation.Fragment; break;
        }

        return string.Join('\n', lines);
    }

    private static void AssertAnswersYaml(string text)
    {
        var result = AssertNoException(GeneratorRun.OfYaml(("fuzz.model.yaml", text)));

        Assert.True(result.GeneratedSources.Length > 0 || result.Diagnostics.Length > 0, "neither code nor a diagnostic");
    }

    private static GeneratorRunResult AssertNoException(GeneratorRun run)
    {
        var result = run.Result.Results.Single();

        Assert.Null(result.Exception);
        Assert.DoesNotContain(result.Diagnostics, diagnostic => diagnostic.Id == "MC4999");
        return result;
    }
}
