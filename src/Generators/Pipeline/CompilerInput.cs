using ModelCompiler.Compiler.Distillation;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Pipeline;

/// <summary>A spec with what its passes need of other models.</summary>
/// <param name="Spec">The model.</param>
/// <param name="Teacher">What the project has under the name of its teacher; null where it names none.</param>
public sealed record CompilerInput(ModelSpec Spec, TeacherChoice? Teacher);
