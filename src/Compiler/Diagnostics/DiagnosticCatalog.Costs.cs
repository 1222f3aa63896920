namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo SizeForm = Error(
        "MC2100", "Size is not one target", "A size is either a number of parameters or a budget of compute, and leaves something to choose.");

    public static readonly DiagnosticInfo SizeUnreachable = Error(
        "MC2101", "Size cannot be reached", "No choice of width, layers and heads comes close to the size.");

    public static readonly DiagnosticInfo Limit = Error(
        "MC3010", "Limit exceeded", "The model costs more than its limits allow.");

    public static readonly DiagnosticInfo AdaptTarget = Error(
        "MC3011", "Unknown layer to adapt", "A pattern of 'adapt' matches no linear layer of the model.");
}
