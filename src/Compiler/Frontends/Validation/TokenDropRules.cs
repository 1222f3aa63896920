using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>Token dropping against the context, the layers, the steps of training and the other schedule of tokens.</summary>
internal static class TokenDropRules
{
    private const string Path = "efficiency.token-drop";

    private const int MostSizes = 16;

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        if (TokenDropSpec.Resolve(model) is not { } drop) yield break;
        var (context, steps, layers) = (model.Architecture.Context, model.Training.Steps, EfficiencyRules.Blocks(model.Architecture).Sum(b => b.Times));
        if (drop.From >= context)
            yield return DiagnosticCatalog.TokenDropFrom.At(Path + ".from",
                $"{drop.From} tokens are not fewer than the context of {context}; write e.g. 'from: {Math.Max(1, context / 4)}'");
        else if ((context - drop.From!.Value) / drop.Multiple!.Value > MostSizes)
            yield return DiagnosticCatalog.TokenDropSizes.At(Path,
                $"from {drop.From} to {context} by {drop.Multiple} there are more than {MostSizes} numbers of tokens; "
                + $"write 'multiple: {(int)Math.Ceiling((context - drop.From.Value) / (MostSizes / 2.0))}'");

        if (layers <= 2 * drop.KeepLayers)
            yield return DiagnosticCatalog.TokenDropLayers.At(Path + ".keep-layers",
                $"the first {drop.KeepLayers} and the last {drop.KeepLayers} of {layers} layers see all tokens, which leaves none; "
                + (layers > 0 ? $"write 'keep-layers: {(layers - 1) / 2}', or more layers" : "remove 'token-drop'"));

        if (drop.Steps > steps)
            yield return DiagnosticCatalog.TokenDropSteps.At(Path + ".steps",
                $"tokens are dropped for {drop.Steps} steps, but the training has {steps}; write 'steps: {Math.Max(1, steps / 2)}' or more steps in training");

        if (HasWindow(model.Architecture))
            yield return DiagnosticCatalog.TokenDropAndDistance.At(Path,
                "attention has a window, which would reach over the dropped tokens; remove 'window' or 'token-drop'");

        if (model.Training.Curriculum is { Metric: DifficultyMetric.Length })
            yield return DiagnosticCatalog.TokenDropAndLengths.At(Path,
                "the curriculum shortens the sequences of which tokens are to be dropped; remove one of them");
    }

    private static bool HasWindow(ArchitectureSpec architecture) =>
        architecture.Window is not null || LayerLists.All(architecture.Blocks, "").Any(entry => entry.Layer is AttentionLayer { Window: not null });
}
