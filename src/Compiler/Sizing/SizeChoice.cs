using ModelCompiler.ModelDsl;

namespace ModelCompiler.Compiler.Sizing;

/// <summary>What <c>architecture.size</c> has chosen.</summary>
/// <param name="Wanted">The declared target.</param>
public sealed record SizeChoice(SizeSpec Wanted, int Width, int Layers, int Heads);
