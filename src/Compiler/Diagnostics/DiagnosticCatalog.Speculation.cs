namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo UnknownDraftModel = Error(
        "MC2150", "Unknown draft model", "The model that is to propose tokens is not declared in the project.");

    public static readonly DiagnosticInfo DraftModelFit = Error(
        "MC2151", "Draft model of other tokens", "A draft model has the same vocabulary as the model that it proposes tokens to.");

    public static readonly DiagnosticInfo SpeculateNeedsPast = Error(
        "MC2152", "Speculation of a model without a past", "Only models that predict next tokens and can take tokens back are given proposals.");
}
