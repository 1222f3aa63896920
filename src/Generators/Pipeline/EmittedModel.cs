using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Emit;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Pipeline;

/// <summary>The generated files of a model and everything to report about it.</summary>
public sealed record EmittedModel(EquatableArray<GeneratedFile> Files, EquatableArray<LocatedDiagnostic> Diagnostics);
