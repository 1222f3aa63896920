namespace ModelCompiler.Compiler.Emit;

/// <summary>A file of generated C#.</summary>
/// <param name="HintName">Its name, e.g. <c>TinyLm.Training.g.cs</c>.</param>
/// <param name="Text">Its content, with '\n' endings.</param>
public sealed record GeneratedFile(string HintName, string Text);
