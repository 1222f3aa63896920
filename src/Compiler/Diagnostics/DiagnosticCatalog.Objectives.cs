namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo SpecialTokensVocabulary = Error(
        "MC2085", "No room for special tokens", "An encoder has four tokens more than its tokenizer: [PAD], [CLS], [SEP] and [MASK].");

    public static readonly DiagnosticInfo ObjectiveAttention = Error(
        "MC2086", "Objective and attention", "The next token is predicted from those before it, a hidden token or a class from all.");

    public static readonly DiagnosticInfo ObjectiveHead = Error(
        "MC2087", "Objective and head", "Each objective needs the head that it trains, and no other.");

    public static readonly DiagnosticInfo ObjectiveData = Error(
        "MC2088", "Objective with chosen data", "Curricula, subsets and token-drop are made for next-token prediction.");

    public static readonly DiagnosticInfo ObjectiveContext = Error(
        "MC2089", "Context too short for the objective", "A sequence has special tokens beside its text.");

    public static readonly DiagnosticInfo SpecialTokenIds = Error(
        "MC2090", "Special tokens out of place", "Special tokens are four different ids of the vocabulary that no text has.");

    public static readonly DiagnosticInfo CausalTokenTypes = Error(
        "MC2210", "Token types of a causal model", "Only objectives that put [SEP] into a sequence divide it into parts.");
}
