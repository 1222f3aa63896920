using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Frontends;

/// <summary>What a front end returns. The spec is null exactly when one of the diagnostics is an error.</summary>
public sealed record ReadResult(ModelSpec? Spec, SourceMap Map, EquatableArray<LocatedDiagnostic> Diagnostics);

/// <summary>A text as a tree. The root is null exactly when there is a diagnostic.</summary>
public sealed record NodeResult(SpecNode? Root, EquatableArray<LocatedDiagnostic> Diagnostics);
