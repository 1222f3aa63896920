namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo CheckpointBudget = Error(
        "MC3001", "Checkpoint budget too small", "No choice of recomputation fits the budget.");

    public static readonly DiagnosticInfo CheckpointSave = Error(
        "MC3002", "Unknown value to save", "The checkpoint saves what no repeated block computes.");
}
