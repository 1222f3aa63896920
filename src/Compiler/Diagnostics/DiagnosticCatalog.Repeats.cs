namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo TokenDropFrom = Error(
        "MC2111", "More tokens than there are", "Token dropping begins with fewer tokens than the context has.");

    public static readonly DiagnosticInfo TokenDropLayers = Error(
        "MC2112", "No layer to drop tokens in", "Between the first and last layers that see all tokens there must be others.");

    public static readonly DiagnosticInfo TokenDropSizes = Error(
        "MC2113", "Too many numbers of tokens", "Each number of tokens is a step of its own in the generated code.");

    public static readonly DiagnosticInfo TokenDropSteps = Error(
        "MC2114", "Token dropping longer than training", "The last steps must train on all tokens, as the model is used.");

    public static readonly DiagnosticInfo TokenDropAndLengths = Error(
        "MC2115", "Two schedules of tokens", "Either all layers see short sequences, or the middle layers a part of long ones.");

    public static readonly DiagnosticInfo TokenDropAndDistance = Error(
        "MC2116", "Token dropping under attention by distance", "Attention that counts the tokens between two would count too few where tokens are dropped.");

    public static readonly DiagnosticInfo ShareGroups = Error(
        "MC2110", "Groups that do not divide the layers", "Sets of shared parameters belong to equally many layers each.");
}
