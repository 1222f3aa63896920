namespace ModelCompiler.Compiler.Diagnostics;

public static partial class DiagnosticCatalog
{
    public static readonly DiagnosticInfo UnknownTeacher = Error(
        "MC2160", "Unknown teacher", "The model that another learns from is not declared in the project.");

    public static readonly DiagnosticInfo TeacherFit = Error(
        "MC2161", "Teacher does not fit", "A teacher predicts the same tokens as its student, from the same text in sequences of the same length.");

    public static readonly DiagnosticInfo TeacherLayers = Error(
        "MC2162", "Layers of the teacher", "Layers of a student stand beside layers that the teacher has, of the same shape where they start as these.");

    public static readonly DiagnosticInfo DistillationConflict = Error(
        "MC2163", "Distillation and another directive", "Something else that is declared leaves no place for the teacher.");
}
