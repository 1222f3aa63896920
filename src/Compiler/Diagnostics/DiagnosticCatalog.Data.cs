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

    public static readonly DiagnosticInfo SubsetAndCurriculum = Error(
        "MC2034", "Subset and curriculum", "A subset and a curriculum by difficulty both decide which samples come next.");

    public static readonly DiagnosticInfo SubsetAfter = Error(
        "MC2035", "Scoring after the training", "The samples are to be scored after the last step.");

    public static readonly DiagnosticInfo UnknownScoringModel = Error(
        "MC2036", "Unknown scoring model", "The model that is to judge samples is not declared in the project.");

    public static readonly DiagnosticInfo ScoringModelFit = Error(
        "MC2037", "Scoring model does not fit", "A model that judges the samples of another reads the same tokens in sequences of the same length.");

    public static readonly DiagnosticInfo MethodMissing = Error(
        "MC2038", "Marked method missing", "The curriculum calls a method of the model's class, and there is none or more than one.");

    public static readonly DiagnosticInfo MethodSignature = Error(
        "MC2039", "Signature of a marked method", "A method that generated code calls has the wrong signature.");

    public static readonly DiagnosticInfo MethodNoEffect = Warning(
        "MC2040", "Marked method without effect", "A method is marked to be called, and nothing calls it.");

    public static readonly DiagnosticInfo SubsetPrecision = Error(
        "MC2041", "Precision of scores", "Samples are scored in fp32 only where training is, and adapters and rounded weights as they are trained.");
}
