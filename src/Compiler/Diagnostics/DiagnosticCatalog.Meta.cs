namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo MetaBatch = Error(
        "MC2170", "Sets of a task and the batch", "A batch holds the larger of a task's support set and its query set.");

    public static readonly DiagnosticInfo MetaAndDirective = Error(
        "MC2171", "Directive that does not go with meta-learning", "Meta-learning takes gradients of its own course, which some directives would change or hide.");

    public static readonly DiagnosticInfo MetaHead = Error(
        "MC2172", "ANIL with a tied head", "ANIL adapts the output head alone, so that it must have weights of its own.");

    public static readonly DiagnosticInfo MetaData = Error(
        "MC2173", "Tasks that the data do not have", "What makes a task must be something that the source of the data has.");

    public static readonly DiagnosticInfo RegressionLayers = Error(
        "MC2174", "Layers of a regression", "A regression reads and predicts numbers, not tokens.");

    public static readonly DiagnosticInfo RegressionData = Error(
        "MC2175", "Regression without tasks", "Numbers to learn from come from the tasks of a method of the class.");

    public static readonly DiagnosticInfo VocabularyMissing = Error(
        "MC2176", "Blocks of tokens without vocabulary", "Only a model of numbers has no vocabulary.");

    public static readonly DiagnosticInfo SecondDerivative = Error(
        "MC3025", "Layer without second derivative", "Meta-learning of second order differentiates the gradient of every layer.");
}
