namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo CurriculumRange = Error(
        "MC2030", "Curriculum out of range", "A curriculum goes up, from and to what its metric has: lengths within the context, or shares of the samples.");

    public static readonly DiagnosticInfo CurriculumSteps = Error(
        "MC2031", "Curriculum longer than training", "The curriculum has more steps than the training.");

    public static readonly DiagnosticInfo CurriculumLengths = Error(
        "MC2032", "Too many sequence lengths", "Each length of a curriculum is compiled as a training step of its own.");

    public static readonly DiagnosticInfo ScoringModel = Error(
        "MC2033", "Scoring model missing", "Samples are to be judged by another model, and none is named.");
}
