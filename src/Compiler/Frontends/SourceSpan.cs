namespace ModelCompiler.Compiler.Frontends;

/// <summary>A zero-based range of a text; the end is exclusive.</summary>
public readonly record struct SourceSpan(int StartLine, int StartColumn, int EndLine, int EndColumn);
