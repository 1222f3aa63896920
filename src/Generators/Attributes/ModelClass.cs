using ModelCompiler.Compiler.Diagnostics;
using ModelCompiler.Compiler.Frontends;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Attributes;

/// <summary>A model declared in C# attributes, as the front ends' neutral tree.</summary>
/// <param name="Root">Null where the class itself is at fault.</param>
/// <param name="Path">The file of the class.</param>
/// <param name="Namespace">The namespace of the class; empty for the global one.</param>
/// <param name="Diagnostics">What is wrong with the class, or with the YAML in its attributes.</param>
public sealed record ModelClass(
    SpecNode? Root, string Path, string Namespace, EquatableArray<LocatedDiagnostic> Diagnostics);
