using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>The objective against the heads of the model, its attention, its context and its data.</summary>
internal static class ObjectiveRules
{
    private const string Path = "training.objective.kind";

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        var kind = ObjectiveSpec.Resolve(model).Kind;
        if (kind == ObjectiveKind.Regression) return RegressionRules.Check(model);
        var heads = model.Architecture.Family is null ? CheckBlocks(model.Architecture.Blocks, kind) : CheckFamily(model.Architecture, kind);
        var checks = heads.Concat(CheckAttention(model.Architecture.Blocks, kind))
            .Concat(kind == ObjectiveKind.Causal ? CheckParts(model.Architecture) : CheckSequences(model, kind));
        if (kind != ObjectiveKind.Classification && model.Training.Data.Label != new DataSpec().Label)
            checks = checks.Append(DiagnosticCatalog.NoEffect.At("training.data.label", "'label' has no effect without 'objective: classification'; add that or remove 'label'"));
        return checks;
    }

    private static IEnumerable<Diagnostic> CheckFamily(ArchitectureSpec a, ObjectiveKind kind)
    {
        if (a.Family is Family.Decoder or Family.TransformerXl && kind != ObjectiveKind.Causal)
            yield return DiagnosticCatalog.ObjectiveAttention.At(Path,
                $"a decoder sees only the tokens before each, so it cannot learn '{KebabCase.Of(kind.ToString())}'; write 'family: encoder', or 'objective: causal'");
        if (a.Family is not (Family.Encoder or Family.Albert)) yield break;
        if (kind == ObjectiveKind.Classification && a.Classes is null)
            yield return DiagnosticCatalog.ObjectiveHead.At(Path, "classification needs the number of classes; write e.g. 'classes: 2' in the architecture");
        if (kind != ObjectiveKind.Classification && a.Classes is not null)
            yield return DiagnosticCatalog.NoEffect.At("architecture.classes", "'classes' has no effect without 'objective: classification'; add that or remove 'classes'");
        if (kind is ObjectiveKind.Causal or ObjectiveKind.Masked && a.Pooling is not null)
            yield return DiagnosticCatalog.NoEffect.At("architecture.pooling", "'pooling' has no effect: the objective has no classes; remove it");
        foreach (var (key, given) in new[] { ("window", a.Window is not null), ("global-every", a.GlobalEvery is not null), ("parallel", a.Parallel is not null) })
            if (given)
                yield return DiagnosticCatalog.NoEffect.At("architecture." + key, $"'{key}' belongs to the decoder; remove it, or write the encoder's layers as 'blocks'");
        if (kind == ObjectiveKind.Classification && a.LogitSoftcap is not null)
            yield return DiagnosticCatalog.NoEffect.At("architecture.logit-softcap", "'logit-softcap' has no effect: the objective predicts no tokens; remove it");
        if (kind == ObjectiveKind.Classification && a.TieEmbeddings is not null)
            yield return DiagnosticCatalog.NoEffect.At("architecture.tie-embeddings", "'tie-embeddings' has no effect: the objective predicts no tokens; remove it");
    }

    private static IEnumerable<Diagnostic> CheckBlocks(EquatableArray<LayerSpec> blocks, ObjectiveKind kind)
    {
        if (blocks.Count == 0) yield break;
        if (blocks[0] is NumbersLayer)
            yield return DiagnosticCatalog.RegressionLayers.At("architecture.blocks[0]", "a model of numbers has the objective regression; write 'objective: regression' in training, or begin with '- embedding'");
        var last = SpecPath.Item("architecture.blocks", blocks.Count - 1);
        if (kind == ObjectiveKind.Classification && blocks[blocks.Count - 1] is HeadLayer)
            yield return DiagnosticCatalog.ObjectiveHead.At(last, "classification predicts no tokens; end the blocks with '- classifier: 2' instead of 'head'");
        if (kind != ObjectiveKind.Classification && blocks[blocks.Count - 1] is ClassifierLayer)
            yield return DiagnosticCatalog.ObjectiveHead.At(last,
                $"the objective '{KebabCase.Of(kind.ToString())}' predicts tokens; end the blocks with '- head', or write 'objective: classification'");

        var classifiers = blocks.Select((layer, i) => (layer, i)).Where(l => l.layer is ClassifierLayer).ToList();
        if (kind == ObjectiveKind.MaskedWithOrder && classifiers.Count == 0)
            yield return DiagnosticCatalog.ObjectiveHead.At(last, "the order of segments is a class; write '- classifier: 2' before the layers of the head");
        foreach (var (layer, i) in classifiers)
        {
            var at = SpecPath.Item("architecture.blocks", i);
            if (kind == ObjectiveKind.MaskedWithOrder && ((ClassifierLayer)layer).Classes != 2)
                yield return DiagnosticCatalog.ObjectiveHead.At(at, "segments are in order or swapped: 2 classes; write '- classifier: 2'");
            if (kind is ObjectiveKind.Causal or ObjectiveKind.Masked && i < blocks.Count - 1)
                yield return DiagnosticCatalog.ObjectiveHead.At(at, $"the objective '{KebabCase.Of(kind.ToString())}' trains no classifier; remove it, or write 'objective: masked-with-order'");
        }
    }

    /// <summary>A query that sees the next token need not predict it; one that sees only earlier tokens cannot fill a gap.</summary>
    private static IEnumerable<Diagnostic> CheckAttention(EquatableArray<LayerSpec> blocks, ObjectiveKind kind)
    {
        foreach (var (layer, path) in LayerLists.All(blocks, "architecture.blocks"))
        {
            if (layer is RelativeAttentionLayer or LatentAttentionLayer && kind != ObjectiveKind.Causal)
            {
                yield return DiagnosticCatalog.ObjectiveAttention.At(path,
                    $"this attention sees only the tokens before each, so it cannot learn '{KebabCase.Of(kind.ToString())}'; use 'attention' with 'causal: false', or write 'objective: causal'");
                yield break;
            }
            if (layer is not AttentionLayer attention || attention.Causal == (kind == ObjectiveKind.Causal)) continue;
            yield return DiagnosticCatalog.ObjectiveAttention.At(attention.Causal ? path : SpecPath.Key(path, "causal"), attention.Causal
                ? $"this attention sees only the tokens before each, so it cannot learn '{KebabCase.Of(kind.ToString())}'; write 'causal: false', or 'objective: causal'"
                : "this attention sees the tokens that the model is to predict; write 'causal: true', or another objective in training, e.g. 'objective: masked'");
            yield break;
        }
    }

    /// <summary>The text of a causal model is not divided into parts.</summary>
    private static IEnumerable<Diagnostic> CheckParts(ArchitectureSpec a)
    {
        if (a is { Family: Family.Encoder or Family.Albert, TokenTypes: not null })
            yield return Of("architecture.token-types");
        else if (a.Blocks.Count > 0 && a.Blocks[0] is EmbeddingLayer { TokenTypes: not null })
            yield return Of(SpecPath.Key(SpecPath.Item("architecture.blocks", 0), "token-types"));

        static Diagnostic Of(string path) => DiagnosticCatalog.CausalTokenTypes.At(path,
            "the text of 'objective: causal' has no [SEP] that would divide it into parts; remove 'token-types', or write another objective, e.g. 'masked'");
    }

    private static IEnumerable<Diagnostic> CheckSequences(ModelSpec model, ObjectiveKind kind)
    {
        var (context, least) = (model.Architecture.Context, kind == ObjectiveKind.MaskedWithOrder ? 5 : 3);
        if (context < least)
            yield return DiagnosticCatalog.ObjectiveContext.At("architecture.context",
                $"a sequence of {context} tokens has no room for text between {(least == 5 ? "[CLS] and two [SEP]" : "[CLS] and [SEP]")}; write a context of at least {least}, e.g. 128");
        var given = new (string Path, bool Given)[]
        {
            ("training.curriculum", model.Training.Curriculum is not null), ("training.subset", model.Training.Subset is not null),
            ("efficiency.token-drop", model.Efficiency.TokenDrop is not null),
        };
        foreach (var (path, _) in given.Where(directive => directive.Given))
            yield return DiagnosticCatalog.ObjectiveData.At(path,
                $"'{path.Split('.')[1]}' is made for next-token prediction, not for the objective '{KebabCase.Of(kind.ToString())}'; remove it");
    }
}
