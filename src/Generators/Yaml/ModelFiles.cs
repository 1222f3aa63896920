using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelCompiler.Generators.Yaml;

/// <summary>A model file of the project: a <c>ModelSpec</c> item, or an additional file named <c>*.model.yaml</c>.</summary>
/// <param name="Path">The path as the project gives it.</param>
/// <param name="Text">The content; empty where the file cannot be read, which the C# compiler reports.</param>
public sealed record ModelFile(string Path, string Text);

internal static class ModelFiles
{
    private const string ItemGroupKey = "build_metadata.AdditionalFiles.SourceItemGroup";
    private const string ItemGroup = "ModelSpec";
    private const string Suffix = ".model.yaml";

    public static IncrementalValuesProvider<ModelFile> In(IncrementalGeneratorInitializationContext context) =>
        context.AdditionalTextsProvider
            .Combine(context.AnalyzerConfigOptionsProvider)
            .Where(pair => IsModel(pair.Left, pair.Right))
            .Select((pair, cancellation) => new ModelFile(pair.Left.Path, pair.Left.GetText(cancellation)?.ToString() ?? ""))
            .WithTrackingName(TrackingNames.SpecFiles);

    private static bool IsModel(AdditionalText file, AnalyzerConfigOptionsProvider options) =>
        file.Path.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase)
        || (options.GetOptions(file).TryGetValue(ItemGroupKey, out var itemGroup) && itemGroup == ItemGroup);
}
