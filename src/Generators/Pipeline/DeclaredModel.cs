using ModelCompiler.Compiler.Frontends;

namespace ModelCompiler.Generators.Pipeline;

/// <summary>A model as one of the front ends has read it.</summary>
/// <param name="Result">Spec, source map and diagnostics.</param>
/// <param name="Namespace">The namespace of its class; null where the spec or the project decides.</param>
public sealed record DeclaredModel(ReadResult Result, string? Namespace);
