using ModelCompiler.Compiler;
using ModelCompiler.ModelDsl;

namespace ModelCompiler.Generators.Pipeline;

/// <summary>What the passes made of a spec: no positions, so that it stays the same while only positions change.</summary>
public sealed record CompiledSpec(ModelSpec Spec, CompilationResult Result);
