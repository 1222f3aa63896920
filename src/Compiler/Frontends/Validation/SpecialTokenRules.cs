using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends.Validation;

/// <summary>The vocabulary against the tokens of text and those that stand for none.</summary>
internal static class SpecialTokenRules
{
    private const string Path = "architecture.special-tokens";

    public static IEnumerable<Diagnostic> Check(ModelSpec model)
    {
        var kind = ObjectiveSpec.Resolve(model).Kind;
        if (kind is ObjectiveKind.Causal or ObjectiveKind.Regression)
        {
            if (model.Architecture.SpecialTokens is not null)
                yield return DiagnosticCatalog.NoEffect.At(Path, $"'special-tokens' has no effect with 'objective: {KebabCase.Of(kind.ToString())}'; remove it");
            yield break;
        }

        var (vocabulary, tokenizer) = (model.Architecture.Vocabulary, model.Training.Data.Tokenizer);
        var text = tokenizer switch
        {
            TokenizerKind.Bytes => TrainingRules.ByteValues,
            TokenizerKind.Bpe => TrainingRules.ByteValues + 1,
            _ => 0, // the tokenizer's file says
        };
        if (vocabulary < text + SpecialTokensSpec.Count)
        {
            yield return DiagnosticCatalog.SpecialTokensVocabulary.At("architecture.vocabulary",
                $"a vocabulary of {vocabulary} has no room for {SpecialTokensSpec.Count} special tokens beside {text} of text; "
                + (tokenizer == TokenizerKind.Bytes ? $"write 'vocabulary: {text + SpecialTokensSpec.Count}'" : $"write at least {text + SpecialTokensSpec.Count}, e.g. 4096"));
            yield break;
        }

        if (model.Architecture.SpecialTokens is null) yield break;
        var special = SpecialTokensSpec.Resolve(model.Architecture);
        var ids = new[] { ("pad", special.Pad!.Value), ("cls", special.Cls!.Value), ("sep", special.Sep!.Value), ("mask", special.Mask!.Value) };
        foreach (var (key, id) in ids)
        {
            var problem = id >= vocabulary ? $"the vocabulary has {vocabulary} tokens; write an id below"
                : tokenizer == TokenizerKind.Bytes && id < TrainingRules.ByteValues ? $"the id {id} is that of a byte; write one from {TrainingRules.ByteValues} on"
                : ids.Count(other => other.Item2 == id) > 1 ? $"the id {id} is given twice; give each special token an id of its own"
                : null;
            if (problem is not null) yield return DiagnosticCatalog.SpecialTokenIds.At(SpecPath.Key(Path, key), problem);
        }
    }
}
