using ModelCompiler.Compiler;
using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Pipeline;

/// <summary>A compiled model with everything that emitting and reporting it needs.</summary>
/// <param name="Model">Null where there is nothing to emit.</param>
/// <param name="Map">Where it was declared.</param>
/// <param name="Namespace">Of the generated class; empty for the global one.</param>
/// <param name="Diagnostics">Of reading, compiling and naming it.</param>
public sealed record LocatedModel(
    CompiledModel? Model, SourceMap Map, string Namespace, EquatableArray<LocatedDiagnostic> Diagnostics);
